/** Archives that nobody's tar would write: the `put` of a hostile host, the `get` of a hostile guest. A seed repeats one. */
import { seededRandom } from "../snapshotWalk.ts";

type Random = ReturnType<typeof seededRandom>;

const block = 512;
const names = ["a", "b", "d/a", "d/e/f", "d", "link", "d/./a", "./a", "n\nl", "\xff\xfe", "x".repeat(99), "d//a", `d/${"y".repeat(255)}`];
const odd = [
  "",
  ".",
  "a/",
  "a/b",
  "link/x",
  "..",
  "../canary",
  "/",
  "/etc/passwd",
  "d/../../canary",
  "link/canary",
  "a/..",
  `${"z".repeat(300)}/a`,
];
const targets = ["..", "../canary", "a", "link", "/", ".", "d", "", "d/../../canary"];

/** How seldom something is wrong, at each place where it can be: most archives go wrong late. */
const seldom = 25;

export function hostileArchive(seed: number): Buffer {
  const random = seededRandom(seed);
  const entries = Array.from({ length: 1 + random.below(8) }, () => entry(random));
  const whole = Buffer.concat([...entries, random.below(seldom) === 0 ? Buffer.alloc(0) : Buffer.alloc(2 * block)]);
  return random.below(3) > 0 ? whole : damaged(whole, random);
}

function nameOf(random: Random): string {
  return random.pick(random.below(seldom) === 0 ? odd : names);
}

function entry(random: Random): Buffer {
  const parts: Buffer[] = [];
  if (random.below(3) === 0) {
    const pax = paxRecords(random);
    parts.push(header(random, "pax", random.pick(["x", "x", "x", "g"]), pax.length), padded(pax));
  }
  if (random.below(6) === 0) {
    const long = Buffer.from(`${nameOf(random)}\0`.repeat(1 + random.below(3)), "latin1");
    parts.push(header(random, "long", random.pick(["L", "K"]), long.length), padded(long));
  }
  const type = random.pick(["0", "0", "0", "5", "2", "2", "1", "7", "\0", "3", "6", "S", "\xff"]);
  const content = Buffer.alloc(/[07\0]/.test(type) ? random.pick([0, 1, 511, 512, 513, 70_000]) : 0, "c");
  const lie = random.pick([-1, 2 ** 33, 1, content.length + 1, Number.MAX_SAFE_INTEGER]);
  parts.push(header(random, nameOf(random), type, random.below(seldom) === 0 ? lie : content.length), padded(content));
  return Buffer.concat(parts);
}

const timesAndSizes = ["-1", "18446744073709551615", "1.5", "9223372036854775807.999999999", "1e9", ""];

/** `LENGTH key=value\n`; LENGTH is not always true. */
function paxRecords(random: Random): Buffer {
  const lines = Array.from({ length: random.below(4) }, () => {
    const key = random.pick(["path", "linkpath", "mtime", "mtime", "uid", "comment", random.below(seldom) === 0 ? "size" : ""]);
    const value = key === "path" ? nameOf(random) : key === "linkpath" ? random.pick(targets) : random.pick(timesAndSizes);
    const rest = ` ${key}${random.below(seldom) === 0 ? "" : "="}${value}${random.below(seldom) === 0 ? "\0x".repeat(2500) : ""}\n`;
    const honest = rest.length + String(rest.length + String(rest.length).length).length;
    const lie = random.pick(["0", "1", "2", "-1", "+3", "99999999999999999999", "\n\n\n  1", `\n${honest}`, "", String(honest - 1)]);
    return `${random.below(seldom) === 0 ? lie : honest}${rest}`;
  });
  return Buffer.from(lines.join(""), "latin1");
}

function header(random: Random, name: string, type: string, size: number): Buffer {
  const bytes = Buffer.alloc(block);
  bytes.write(name, 0, 100, "latin1");
  bytes.write(random.pick(["0000644\0", "0000755\0", "0000000\0", "7777777\0"]), 100, "latin1");
  if (size < 0 || size >= 2 ** 33 || random.below(8) === 0) {
    bytes.fill(size < 0 ? 0xff : 0, 124, 136);
    bytes[124] = 0x80 | (size < 0 ? 0x7f : 0);
    if (size >= 0) bytes.writeBigUInt64BE(BigInt(size), 128);
  } else bytes.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  bytes.write(random.pick(["00000000000\0", "77777777777\0", "ÿÿÿÿÿÿÿÿÿÿÿÿ"]), 136, 12, "latin1");
  bytes.write(type, 156, 1, "latin1");
  bytes.write(random.pick(targets), 157, 100, "latin1");
  if (random.below(5) > 0) bytes.write("ustar\x0000", 257, "latin1");
  if (random.below(seldom) === 0) bytes.write(nameOf(random), 345, 155, "latin1");
  return random.below(2 * seldom) === 0 ? bytes : summed(bytes);
}

function summed(bytes: Buffer): Buffer {
  bytes.fill(" ", 148, 156);
  const sum = bytes.reduce((all, byte) => all + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((block - (bytes.length % block)) % block)]);
}

/** A few bytes flipped (sums made right again half of the time), or a piece cut out, doubled or cut off. */
function damaged(whole: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(whole);
  switch (random.below(4)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length + 1));
    case 1: {
      const [from, to] = [random.below(bytes.length), random.below(bytes.length)].sort((a, b) => a - b) as [number, number];
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    }
    default: {
      const at = random.below(Math.ceil(bytes.length / block)) * block;
      for (let flips = 1 + random.below(8); flips > 0; flips -= 1) bytes[at + random.below(block)] = random.below(256);
      if (random.below(2) === 0 && at + block <= bytes.length) summed(bytes.subarray(at, at + block));
      return bytes;
    }
  }
}
