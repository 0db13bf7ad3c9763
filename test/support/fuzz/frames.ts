/** What a hostile or broken host sends viv-agent. A seed repeats a session. */
import { encodeExec, encodeHeader, type FrameType, frameLimitBytes, frameTypes } from "../../../src/qemu/vivAgent/frames.ts";
import type { seededRandom } from "../snapshotWalk.ts";

type Random = ReturnType<typeof seededRandom>;

/** Harmless, whoever runs them, also when a byte of them is another one. */
const commands = [
  ["true"],
  ["cat"],
  ["head", "-c", "200000", "/dev/zero"],
  ["sleep", "0.02"],
  ["sh", "-c", "cat >&2; exit 3"],
  ["/nonesuch"],
  ["sh", "-c", "yes"],
];
const applets = [
  ["list", "."],
  ["list", ".", "hash"],
  ["get", ".", "x"],
  ["put", "in"],
  ["sync", "in", "any", "1"],
  ["sync", "in"],
  ["fetch", "."],
  ["files", "stat", "."],
  ["files", "list", ".", "3"],
  ["piece", "hash", "viv-agent", "100000"],
  ["ports", "once"],
  ["connect", "1"],
  ["watch", "."],
  ["nonesuch"],
  ["put"],
];

/** Frames of one host, most of them whole. */
export function hostileSession(random: Random, length: number): Buffer {
  return Buffer.concat(Array.from({ length }, () => hostileFrame(random)));
}

function hostileFrame(random: Random): Buffer {
  const stream = random.below(6);
  switch (random.below(12)) {
    case 0:
    case 1:
      return frame("exec", stream, exec(random));
    case 2:
      return frame("exec", stream, spoiled(exec(random), random));
    case 3:
    case 4:
      return frame("data", stream, Buffer.alloc(random.pick([0, 0, 1, 512, 4096, 32_756, frameLimitBytes]), random.below(256)));
    case 5:
      return frame("window", stream, number(random.pick([0, 1, 4096, 0xffffffff]), random));
    case 6:
      return frame("signal", stream, number(random.pick([0, 1, 2, 9, 15, 18, 64, 65, 0x7fffffff, 0xffffffff]), random));
    case 7:
      return frame("resize", stream, number(random.pick([0, 0x00500018, 0xffffffff]), random));
    case 8:
      return frame("close", stream, Buffer.alloc(random.pick([0, 0, 9])));
    case 9:
      return frame("ping", stream, Buffer.alloc(random.pick([0, 16, frameLimitBytes])));
    case 10:
      return frame(random.pick(Object.keys(frameTypes) as FrameType[]), stream, Buffer.alloc(random.below(40), 0xff));
    default:
      return random.below(8) === 0 ? noise(random) : frame("data", stream, noise(random));
  }
}

function exec(random: Random): Buffer {
  const applet = random.below(2) === 0;
  return encodeExec({
    words: random.pick(applet ? applets : commands),
    environment: random.pick([[], ["A=b"], ["="], [""], ["A"]]),
    user: random.pick(["", "", "", "nobody", "no-such-user"]),
    folder: random.pick(["", ".", "/", "/nowhere"]),
    terminal: random.below(4) === 0 ? { rows: random.below(65_536), columns: random.below(65_536) } : undefined,
    applet,
    creditBytes: random.pick([0, 1, 1000, 1 << 20, 0xffffffff]),
  });
}

/** Its counts and lengths no longer fit. */
function spoiled(bytes: Buffer, random: Random): Buffer {
  if (random.below(2) === 0) return bytes.subarray(0, random.below(bytes.length));
  const changed = Buffer.from(bytes);
  // Flags and credit, then the lengths and counts; words stay what they are.
  changed.writeUInt32LE(
    random.pick([0, 1, 0x7fffffff, 0xffffffff, 0x3fffffff]),
    random.pick([4, 8, 12, 16, 20].filter((at) => at + 4 <= bytes.length)),
  );
  return changed;
}

function number(value: number, random: Random): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return random.below(6) === 0 ? bytes.subarray(0, random.below(4)) : bytes;
}

function noise(random: Random): Buffer {
  return Buffer.from(Array.from({ length: 1 + random.below(200) }, () => random.below(256)));
}

export function frame(type: FrameType, stream: number, payload: Buffer): Buffer {
  return Buffer.concat([encodeHeader(type, stream, payload.length), payload]);
}
