import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import * as openpgp from "openpgp";
import { digestOf, parseDigest } from "../../../src/host/images/checksums.ts";
import { compressionOf, decompress } from "../../../src/host/images/decompress.ts";
import { nameOfFile } from "../../../src/host/images/importImage.ts";
import { downloadWords } from "../../../src/host/images/pull.ts";
import { type SigningKey, verifySigned } from "../../../src/host/images/signature.ts";
import { codeOf } from "../../support/faults.ts";

const sum = "ab".repeat(32);
const other = "cd".repeat(32);

describe("a list of checksums", () => {
  for (const [what, text] of Object.entries({
    "sha256sum's lines": `${other}  else.qcow2\n${sum}  disk.qcow2\n`,
    "binary marks": `${sum} *disk.qcow2\r\n`,
    "names below the folder": `${sum}  ./disk.qcow2\n`,
    "BSD's lines": `# disk.qcow2: 12 bytes\nSHA256 (disk.qcow2) = ${sum.toUpperCase()}\n`,
    "one sum alone": `${sum}\n`,
  }))
    it(`of ${what} is read`, () => assert.equal(digestOf(text, "disk.qcow2", "sha256", "SUMS"), sum));

  for (const [what, text, words] of [
    ["another file", `${sum}  old.qcow2\n`, /no sha256 of disk.qcow2/],
    ["two sums", `${sum}  disk.qcow2\n${other}  disk.qcow2\n`, /more than one/],
    ["sums of another kind", `${"ab".repeat(64)}  disk.qcow2\n`, /no sha256/],
    ["a name that only ends alike", `${sum}  my-disk.qcow2\n`, /no sha256/],
    ["a web page", "<html><body>404</body></html>", /no sha256/],
  ] as const)
    it(`with ${what} is refused`, () => assert.throws(() => digestOf(text, "disk.qcow2", "sha256", "SUMS"), words));

  it("of one entry proves whatever it is called, where the catalog says so", () => {
    assert.equal(digestOf(`${sum}  build-16.2.qcow2\n`, "*", "sha256", "SUMS"), sum);
    assert.throws(() => digestOf(`${sum}  a\n${other}  b\n`, "*", "sha256", "SUMS"), /more than one/);
  });

  it("digests are told by their length", () => {
    assert.deepEqual(parseDigest(`sha256:${sum.toUpperCase()}`), { algorithm: "sha256", hex: sum });
    assert.equal(parseDigest("ab".repeat(64)).algorithm, "sha512");
    for (const bad of ["", "sha256:", "ab", `${sum}0`, "zz".repeat(32)]) assert.throws(() => parseDigest(bad), /64 hex digits/);
  });
});

describe("a signature", () => {
  const list = `${sum}  disk.qcow2\n`;
  let vendor: { privateKey: openpgp.PrivateKey; trusted: SigningKey };
  let stranger: { privateKey: openpgp.PrivateKey; trusted: SigningKey };

  async function newKey(owner: string, options: { expiresSeconds?: number; date?: Date } = {}): Promise<typeof vendor> {
    const { privateKey, publicKey } = await openpgp.generateKey({
      userIDs: [{ name: owner, email: "release@example.org" }],
      format: "object",
      ...(options.expiresSeconds === undefined ? {} : { keyExpirationTime: options.expiresSeconds }),
      ...(options.date === undefined ? {} : { date: options.date }),
    });
    return { privateKey, trusted: { owner, fingerprint: publicKey.getFingerprint().toUpperCase(), armored: publicKey.armor() } };
  }

  before(async () => {
    vendor = await newKey("Vendor");
    stranger = await newKey("Stranger");
  });

  const clear = async (text: string, { privateKey }: typeof vendor, date?: Date): Promise<Buffer> =>
    Buffer.from(
      await openpgp.sign({ message: await openpgp.createCleartextMessage({ text }), signingKeys: privateKey, ...(date ? { date } : {}) }),
    );
  const detached = async (text: string, { privateKey }: typeof vendor, format: "armored" | "binary"): Promise<Buffer> => {
    const options = {
      message: await openpgp.createMessage({ binary: new TextEncoder().encode(text) }),
      signingKeys: privateKey,
      detached: true as const,
    };
    return format === "armored"
      ? Buffer.from(await openpgp.sign({ ...options, format: "armored" }))
      : Buffer.from(await openpgp.sign({ ...options, format: "binary" }));
  };
  const refusal = (work: Promise<unknown>, words: RegExp) =>
    assert.rejects(work, (error: { code?: string; message: string }) => {
      assert.equal(error.code, "untrusted-input", error.message);
      assert.match(error.message, words);
      return true;
    });

  it("inside the list, or beside it in either form, names its signer and its time", async () => {
    const inside = await verifySigned(await clear(list, vendor), undefined, [stranger.trusted, vendor.trusted], "SUMS");
    assert.equal(inside.text.trim(), list.trim());
    assert.match(inside.signedBy, /^Vendor \([0-9A-F]{40}\)$/);
    assert.ok(Math.abs(Date.parse(inside.signedAt) - Date.now()) < 60_000);
    for (const format of ["armored", "binary"] as const) {
      const beside = await verifySigned(Buffer.from(list), await detached(list, vendor, format), [vendor.trusted], "SUMS");
      assert.equal(beside.text, list);
    }
  });

  it("of GnuPG's own making is taken", async () => {
    const folder = await mkdtemp(join(tmpdir(), "viv-gpg-"));
    try {
      const gpg = (...words: string[]): Buffer =>
        execFileSync("gpg", ["--homedir", folder, "--batch", "--quiet", "--yes", ...words], { input: "" });
      gpg("--passphrase", "", "--quick-generate-key", "Gnu <gnu@example.org>", "rsa2048", "sign", "never");
      await writeFile(join(folder, "list"), list);
      gpg("--detach-sign", join(folder, "list"));
      gpg("--clear-sign", join(folder, "list"));
      const trusted = { owner: "Gnu", fingerprint: undefined, armored: gpg("--armor", "--export").toString() };
      assert.equal((await verifySigned(Buffer.from(list), await readFile(join(folder, "list.sig")), [trusted], "SUMS")).text, list);
      assert.equal((await verifySigned(await readFile(join(folder, "list.asc")), undefined, [trusted], "SUMS")).text.trim(), list.trim());
    } finally {
      execFileSync("gpgconf", ["--homedir", folder, "--kill", "all"]);
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("by somebody else, over something else, or none at all is refused", async () => {
    await refusal(
      verifySigned(await clear(list, stranger), undefined, [vendor.trusted], "SUMS"),
      /signed by the key [0-9A-F]{16}, which is not trusted/,
    );
    const changed = Buffer.from((await clear(list, vendor)).toString().replace("ababab", "cdcdcd"));
    await refusal(verifySigned(changed, undefined, [vendor.trusted], "SUMS"), /does not hold/);
    await refusal(verifySigned(Buffer.from(`${list} `), await detached(list, vendor, "binary"), [vendor.trusted], "SUMS"), /does not hold/);
    await refusal(verifySigned(Buffer.from(list), undefined, [vendor.trusted], "SUMS"), /no signature that can be read/);
    await refusal(verifySigned(Buffer.from(list), Buffer.from("<html>"), [vendor.trusted], "SUMS"), /no signature that can be read/);
  });

  it("what stands outside the signed part is not read", async () => {
    const signed = (await clear(list, vendor)).toString();
    const sneaky = Buffer.from(`${signed}\n${other}  disk.qcow2\n`);
    const read = await verifySigned(sneaky, undefined, [vendor.trusted], "SUMS").catch((error: Error) => error);
    assert.ok(read instanceof Error || !read.text.includes(other));
  });

  it("by a key that has expired, or of the future, is refused", async () => {
    const year = 365 * 86_400_000;
    const old = await newKey("Old", { date: new Date(Date.now() - 2 * year), expiresSeconds: (year / 1000) | 0 });
    const then = new Date(Date.now() - 1.5 * year);
    await refusal(verifySigned(await clear(list, old, then), undefined, [old.trusted], "SUMS"), /expired/);
    await refusal(
      verifySigned(await clear(list, vendor, new Date(Date.now() + year)), undefined, [vendor.trusted], "SUMS"),
      /future|does not hold/,
    );
  });

  it("is not checked by a key file that holds another key", async () => {
    const swapped = { ...vendor.trusted, armored: stranger.trusted.armored };
    assert.equal(await codeOf(verifySigned(await clear(list, stranger), undefined, [swapped], "SUMS")), "damaged");
  });
});

describe("a compressed file", () => {
  let folder: string;
  const content = Buffer.concat([randomBytes(300_000), Buffer.alloc(8 << 20), randomBytes(70_001)]);
  const options = { signal: new AbortController().signal, maximumBytes: 1 << 30 };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-unpack-"));
    await writeFile(join(folder, "plain"), content);
    execFileSync("xz", ["-k", join(folder, "plain")]);
    await writeFile(join(folder, "plain.gz"), gzipSync(content));
    await writeFile(join(folder, "plain.zst"), zstdCompressSync(content));
    await writeFile(join(folder, "plain.bz2"), "BZh91AY&SY");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [suffix, compression] of [
    ["xz", "xz"],
    ["gz", "gzip"],
    ["zst", "zstd"],
  ] as const)
    it(`(${compression}) is known by its first bytes and unpacks whole, its zeroes as holes`, async () => {
      const file = join(folder, `plain.${suffix}`);
      assert.equal(await compressionOf(file), compression);
      const target = join(folder, `out-${suffix}`);
      assert.equal(await decompress(file, target, compression, "x", options), content.length);
      assert.ok((await readFile(target)).equals(content));
      assert.ok((await stat(target)).blocks * 512 < 1 << 20);
    });

  for (const [suffix, compression] of [
    ["xz", "xz"],
    ["gz", "gzip"],
    ["zst", "zstd"],
  ] as const)
    it(`(${compression}) that is cut off or too large is refused`, async () => {
      const file = join(folder, `plain.${suffix}`);
      assert.equal(
        await codeOf(decompress(file, join(folder, `large-${suffix}`), compression, "x", { ...options, maximumBytes: 1 << 20 })),
        "untrusted-input",
      );
      const { size } = await stat(file);
      await writeFile(`${file}.cut`, await readFile(file));
      await truncate(`${file}.cut`, size - 40_000);
      assert.equal(await codeOf(decompress(`${file}.cut`, join(folder, `cut-${suffix}`), compression, "x", options)), "untrusted-input");
    });

  it("in a form that is not unpacked here says so", async () => {
    const file = join(folder, "plain.bz2");
    assert.equal(await compressionOf(file), "bzip2");
    assert.equal(await codeOf(decompress(file, join(folder, "out-bz2"), "bzip2", "x", options)), "host-cannot");
    assert.equal(await compressionOf(join(folder, "plain")), undefined);
  });
});

describe("words of a pull", () => {
  it("say how much, how fast and how long", () => {
    assert.equal(downloadWords(120 << 20, 300 << 20, 12 << 20), "downloading: 120 MiB of 300 MiB, 12 MiB/s, 15 s left");
    assert.equal(downloadWords(5, undefined, 0), "downloading: 5 B");
    assert.equal(downloadWords(0, 100 * 1024 ** 3, 10 << 20), "downloading: 0 B of 100 GiB, 10 MiB/s, 2.8 h left");
  });
  it("name an image by its file", () => {
    assert.equal(nameOfFile("/a/Debian-12-generic_amd64.qcow2.xz"), "debian-12-generic-amd64");
    assert.equal(nameOfFile("/a/12.img"), "image");
  });
});
