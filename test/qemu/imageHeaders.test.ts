import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import {
  bootLoaders,
  type DiskImageFormat,
  type ImageHeader,
  Refused,
  readImageHeader,
  readPartitions,
} from "../../src/qemu/imageHeaders/index.ts";
import { bytesOf } from "../support/imageBytes.ts";
import { gptDisk, mbrDisk } from "../support/partitionedDisk.ts";
import { runTool } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

const mib = 1024 ** 2;

/** Every format and subformat that qemu-img writes as one file, and what we call it. */
const made: [name: string, format: DiskImageFormat, options: string[], subformat?: string][] = [
  ["qcow2", "qcow2", []],
  ["qcow2 of version 2", "qcow2", ["-o", "compat=0.10"]],
  ["qcow2 with 512 byte clusters", "qcow2", ["-o", "cluster_size=512"]],
  ["qcow2 with subclusters", "qcow2", ["-o", "extended_l2=on,cluster_size=64k"]],
  ["qcow2, preallocated", "qcow2", ["-o", "preallocation=metadata"]],
  ["qcow2, zlib", "qcow2", ["-c"]],
  ["qcow2, zstd", "qcow2", ["-c", "-o", "compression_type=zstd"]],
  ["vmdk monolithicSparse", "vmdk", [], "monolithicSparse"],
  ["vmdk monolithicSparse for old hardware", "vmdk", ["-o", "compat6=on"], "monolithicSparse"],
  ["vmdk monolithicSparse with zeroed grains", "vmdk", ["-o", "zeroed_grain=on"], "monolithicSparse"],
  ["vmdk streamOptimized", "vmdk", ["-o", "subformat=streamOptimized"], "streamOptimized"],
  ["vdi", "vdi", [], "dynamic"],
  ["vdi fixed", "vdi", ["-o", "static=on"], "fixed"],
  ["vhdx", "vhdx", [], "dynamic"],
  ["vhdx with 1 MiB blocks", "vhdx", ["-o", "block_size=1048576"], "dynamic"],
  ["vhdx fixed", "vhdx", ["-o", "subformat=fixed"], "fixed"],
  ["vpc", "vpc", ["-o", "force_size=on"], "dynamic"],
  ["vpc fixed", "vpc", ["-o", "subformat=fixed,force_size=on"], "fixed"],
  ["raw", "raw", []],
];

describe("image headers", function () {
  this.timeout(120_000);
  let world: World;
  let raw: Buffer;
  const images = new Map<string, Buffer>();

  before(async () => {
    world = await makeWorld();
    await gptDisk(world.path("disk.raw"), "BOOTX64.EFI");
    raw = await readFile(world.path("disk.raw"));
    for (const [index, [name, format, options]] of made.entries()) {
      await qemuImg("convert", "-f", "raw", "-O", format, ...options, "disk.raw", `image-${index}`);
      images.set(name, await readFile(world.path(`image-${index}`)));
    }
  });
  after(() => world.dispose());

  async function qemuImg(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await runTool("qemu-img", args, world.folder);
    assert.equal(exitCode, 0, `qemu-img ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }

  function image(name: string): Buffer {
    const data = images.get(name);
    assert.ok(data, name);
    return Buffer.from(data);
  }

  async function contentOf(header: ImageHeader, length = raw.length): Promise<Buffer> {
    const read = header.content?.();
    assert.ok(read, "no content");
    const parts: Buffer[] = [];
    // Pieces that cross every block's end.
    for (let at = 0; at < length; at += 333_333) parts.push(await read(at, Math.min(333_333, length - at)));
    return Buffer.concat(parts);
  }

  for (const [name, format, , subformat] of made) {
    it(`reads ${name}: format, size, partitions, and every byte the guest sees`, async () => {
      const header = await readImageHeader(bytesOf(image(name)));
      assert.equal(header.refused, undefined);
      assert.deepEqual([header.format, header.virtualBytes], [format, raw.length]);
      if (subformat !== undefined) assert.deepEqual(header.facts[0], { name: "subformat", value: subformat });
      const read = header.content?.();
      assert.ok(read);
      assert.deepEqual(
        (await readPartitions(read, raw.length)).map(({ number, type, label, bootable }) => ({ number, type, label, bootable })),
        [
          { number: 1, type: "EFI system", label: "EFI System Partition", bootable: true },
          { number: 2, type: "Linux", label: "rößt", bootable: false },
        ],
      );
      assert.deepEqual(await bootLoaders(read, mib), { x86_64: true, aarch64: false });
      assert.ok((await contentOf(header)).equals(raw), "the content differs");
    });
  }

  it("reads an MBR with logical partitions, and a GPT whose first table is lost", async () => {
    await mbrDisk(world.path("mbr.raw"));
    const mbr = await readImageHeader(bytesOf(await readFile(world.path("mbr.raw"))));
    assert.ok(mbr.content && mbr.virtualBytes);
    assert.deepEqual(
      (await readPartitions(mbr.content(), mbr.virtualBytes)).map(({ number, type, startByte, bytes, bootable }) => [
        number,
        type,
        startByte / 512,
        bytes / 512,
        bootable,
      ]),
      [
        [1, "Linux", 2048, 8192, true],
        [2, "extended", 10_240, 20_480, false],
        [5, "Linux swap", 12_288, 4096, false],
        [6, "Linux LVM", 20_480, 4096, false],
      ],
    );
    const damaged = Buffer.from(raw);
    damaged.fill(0, 512, 1024);
    const gpt = await readImageHeader(bytesOf(damaged));
    assert.ok(gpt.content && gpt.virtualBytes);
    assert.equal((await readPartitions(gpt.content(), gpt.virtualBytes)).length, 2);
  });

  it("lists the snapshots inside a qcow2", async () => {
    await qemuImg("create", "-q", "-f", "qcow2", "inner.qcow2", "16M");
    await qemuImg("snapshot", "-c", "first", "inner.qcow2");
    await qemuImg("snapshot", "-c", "zweiter Stand ü", "inner.qcow2");
    const header = await readImageHeader(bytesOf(await readFile(world.path("inner.qcow2"))));
    assert.deepEqual(
      header.snapshots.map(({ id, name, memoryBytes }) => [id, name, memoryBytes]),
      [
        ["1", "first", 0],
        ["2", "zweiter Stand ü", 0],
      ],
    );
    assert.ok(Math.abs(Date.parse(header.snapshots[0]?.createdAt ?? "") - Date.now()) < 60_000);
  });

  it("reads an overlay through what is below it", async () => {
    await writeFile(world.path("base.raw"), raw);
    await qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", "over.qcow2");
    await qemuImg("bench", "-q", "-w", "-c", "1", "-s", "4096", "-o", String(20 * mib), "--pattern=119", "-f", "qcow2", "over.qcow2");
    const over = await readImageHeader(bytesOf(await readFile(world.path("over.qcow2"))));
    assert.deepEqual([over.backing, over.refused], [{ file: "base.raw", format: "raw" }, "is built on another file, base.raw"]);
    const below = (await readImageHeader(bytesOf(raw))).content?.();
    assert.ok(over.content && below);
    const read = await over.content(below)(20 * mib - 4096, 12_288);
    assert.ok(read.subarray(4096, 8192).every((byte) => byte === 119));
    assert.ok(read.subarray(0, 4096).equals(raw.subarray(20 * mib - 4096, 20 * mib)));
  });

  /** What each hostile file is made of, and the words its refusal must have. */
  const hostile: [what: string, from: string, change: (data: Buffer) => Buffer | undefined, reason: RegExp][] = [
    ["a backing file", "qcow2", (data) => withBacking(data, "/etc/passwd"), /built on another file, \/etc\/passwd/],
    ["a json: backing file", "qcow2", (data) => withBacking(data, 'json:{"driver":"file"}'), /not a plain file/],
    ["an nbd: backing file", "qcow2", (data) => withBacking(data, "nbd://host/x"), /not a plain file/],
    ["a backing name beyond its end", "qcow2", (data) => put64(data, 8, 2n ** 60n, 16, 20), /out of bounds/],
    ["an external data file", "qcow2", (data) => flag(data, 79, 0b100), /keeps its data in another file/],
    ["the corrupt mark", "qcow2", (data) => flag(data, 79, 0b10), /marked as corrupt/],
    ["an unknown incompatible feature", "qcow2", (data) => flag(data, 72, 0x80), /features that nobody knows/],
    ["an unknown compression", "qcow2, zstd", (data) => put(data, 104, 7), /compressed in a way that nobody knows/],
    ["AES or LUKS encryption", "qcow2", (data) => put(data, 35, 2), /is encrypted/],
    ["8 EiB", "qcow2", (data) => put64(data, 24, 2n ** 63n - 512n), /more than 1 PiB/],
    ["no bytes at all", "qcow2", (data) => put64(data, 24, 0n), /its size is 0/],
    ["an L1 table that is too short", "qcow2", (data) => put32(data, 36, 0), /L1 table that does not fit/],
    ["an L1 table beyond its end", "qcow2", (data) => put64(data, 40, 2n ** 50n), /cut off/],
    ["clusters of 2^40 bytes", "qcow2", (data) => put32(data, 20, 40), /impossible clusters/],
    ["four thousand million snapshots", "qcow2", (data) => put32(data, 60, 0xff_ff_ff_ff), /internal snapshots/],
    ["a snapshot table beyond its end", "qcow2", (data) => put64(put32(data, 60, 1), 64, 2n ** 62n), /snapshot table lies beyond/],
    ["qcow version 1", "qcow2", (data) => put32(data, 4, 1), /version 1, which nobody knows/],
    ["half a header", "qcow2", (data) => data.subarray(0, 80), /cut off inside its header/],
    ["qcow2 version 4", "qcow2", (data) => put32(data, 4, 4), /version 4, which nobody knows/],
    ["a VMDK of half a header", "vmdk monolithicSparse", (data) => data.subarray(0, 300), /cut off/],
    ["a VMDK whose tables are cut off", "vmdk monolithicSparse", (data) => data.subarray(0, 12_288), /cut off/],
    ["a VMDK parent", "vmdk monolithicSparse", (data) => replaceText(data, "parentCID=ffffffff", "parentCID=12345678"), /names a parent/],
    [
      "a VMDK parent by its file",
      "vmdk monolithicSparse",
      (data) => replaceText(data, "# The Disk Data Base", 'parentFileNameHint="x"'),
      /names a parent/,
    ],
    ["a VMDK extent of the host's", "vmdk monolithicSparse", (data) => replaceText(data, "SPARSE", "FLAT  "), /extents are not its own/],
    [
      "two VMDK extents",
      "vmdk monolithicSparse",
      (data) => replaceText(data, "# The Disk Data Base", 'RW 100 SPARSE "b.vmdk"'),
      /extents are not its own/,
    ],
    [
      "a VMDK kind with other files",
      "vmdk monolithicSparse",
      (data) => replaceText(data, "monolithicSparse", "twoGbMaxExtent  "),
      /keeps its disk in other files/,
    ],
    ["a VMDK that says: look into the descriptor", "vmdk monolithicSparse", (data) => put64(data, 12, 0n), /its size is 0/],
    ["a VMDK without a descriptor", "vmdk monolithicSparse", (data) => put64(data, 28, 0n), /part of a larger VMDK/],
    ["VMDK grains of 2^60", "vmdk monolithicSparse", (data) => le64(data, 20, 2n ** 60n), /impossible grains/],
    ["an unknown VMDK feature", "vmdk monolithicSparse", (data) => flag(data, 11, 0x40), /VMDK features that nobody knows/],
    ["a VMDK of 8 EiB", "vmdk monolithicSparse", (data) => le64(data, 12, 2n ** 54n), /more than 1 PiB/],
    ["a VMDK that contradicts itself", "vmdk monolithicSparse", (data) => le64(data, 12, 1024n), /contradicts itself/],
    ["a stream without its footer", "vmdk streamOptimized", (data) => le64(data, 56, 2n ** 64n - 1n), /footer is missing/],
    ["a VDI that differs from another", "vdi", (data) => put(data, 0x4c, 4), /differencing image/],
    ["a VDI with a parent", "vdi", (data) => put(data, 0x1b8, 1), /built on another VDI/],
    ["a VDI that is linked to another", "vdi", (data) => put(data, 0x1a8, 1), /linked to another VDI/],
    ["a VDI of an unknown version", "vdi", (data) => put(data, 0x46, 2), /VDI version 2.1/],
    ["a VDI of an unknown kind", "vdi", (data) => put(data, 0x4c, 9), /image type 9/],
    ["a VDI of half a header", "vdi", (data) => data.subarray(0, 300), /cut off/],
    ["a VDI of 8 EiB", "vdi", (data) => le64(data, 0x170, 2n ** 63n), /more than 1 PiB/],
    ["a VDI with a short map", "vdi", (data) => put(data, 0x180, 3), /block map that does not fit/],
    ["a VDI cut off", "vdi", (data) => data.subarray(0, data.length - mib), /cut off/],
    ["a VHDX with a log", "vhdx", (data) => vhdxHeader(data, (head) => head.writeUInt8(1, 48)), /log must be replayed/],
    ["a VHDX whose headers are damaged", "vhdx", (data) => put(put(data, 65_600, 1), 131_136, 1), /neither of its headers/],
    [
      "a VHDX that differs from another",
      "vhdx",
      (data) => vhdxItem(data, vhdxParameters, (item) => put(item, 4, 0b10)),
      /differencing image/,
    ],
    ["a VHDX of 8 EiB", "vhdx", (data) => vhdxItem(data, vhdxSize, (item) => le64(item, 0, 2n ** 63n)), /more than 1 PiB/],
    ["a VHDX of an unknown version", "vhdx", (data) => vhdxHeader(data, (head) => head.writeUInt16LE(2, 66)), /VHDX version/],
    ["a VHDX with a region nobody knows", "vhdx", (data) => vhdxRegion(data), /region that nobody knows/],
    ["a VHDX with metadata nobody knows", "vhdx", (data) => unknownVhdxItem(data), /metadata that nobody knows/],
    ["a VHDX of half a header", "vhdx", (data) => data.subarray(0, 300), /cut off/],
    ["a VHDX cut off", "vhdx", (data) => data.subarray(0, 300_000), /cut off/],
    ["a VHD that differs from another", "vpc", (data) => vpcFooter(data, (footer) => footer.writeUInt32BE(4, 60)), /differencing image/],
    ["a VHD of an unknown kind", "vpc", (data) => vpcFooter(data, (footer) => footer.writeUInt32BE(9, 60)), /disk type 9/],
    ["a VHD of an unknown version", "vpc", (data) => vpcFooter(data, (footer) => footer.writeUInt32BE(0x2_0000, 12)), /VHD version/],
    ["a VHD saved with a machine's state", "vpc", (data) => vpcFooter(data, (footer) => footer.writeUInt8(1, 84)), /machine's state/],
    ["a VHD of half a header", "vpc", (data) => data.subarray(0, 700), /cut off/],
    ["a VHD of 8 EiB", "vpc", (data) => vpcFooter(data, (footer) => footer.writeBigUInt64BE(2n ** 63n, 48)), /more than 1 PiB/],
    ["a VHD with a wrong checksum", "vpc", (data) => put(data, data.length - 500, 9), /checksum of its footer/],
    ["a VHD cut off", "vpc", (data) => data.subarray(0, data.length - 512), /footer is missing/],
    [
      "a VHD with a short table",
      "vpc",
      (data) => dynamicHeader(data, (head) => head.writeUInt32BE(1, 28)),
      /block table that does not fit/,
    ],
    ["nothing", "raw", () => Buffer.alloc(0), /is empty/],
    ["text", "raw", () => Buffer.from("<html>404</html>".repeat(32)), /no disk image that Vivarium knows/],
    ["a gzip", "raw", () => Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(1022)]), /is compressed \(gzip\)/],
    ["an ESX part", "raw", () => Buffer.concat([Buffer.from("COWD"), Buffer.alloc(2044)]), /COWD/],
    ["LUKS", "raw", () => Buffer.concat([Buffer.from("LUKS\xba\xbe", "latin1"), Buffer.alloc(2042)]), /encrypted \(LUKS\)/],
  ];
  for (const [what, from, change, reason] of hostile) {
    it(`refuses ${what} by name`, async () => {
      const data = image(from);
      const changed = change(data) ?? data;
      const { refused } = await readImageHeader(bytesOf(changed));
      assert.match(refused ?? "taken in", reason);
    });
  }

  for (const subformat of ["monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"])
    it(`refuses what qemu-img makes as vmdk ${subformat}: its disk is in other files`, async () => {
      await qemuImg("create", "-q", "-f", "vmdk", "-o", `subformat=${subformat}`, `${subformat}.vmdk`, "16M");
      const { refused } = await readImageHeader(bytesOf(await readFile(world.path(`${subformat}.vmdk`))));
      assert.match(refused ?? "taken in", new RegExp(`keeps its disk in other files \\(VMDK ${subformat}\\)`));
    });

  it("never takes one format for another, and raw for what it is asked", async () => {
    assert.match((await readImageHeader(bytesOf(image("vdi")), "vmdk")).refused ?? "", /is not vmdk but vdi/);
    assert.match((await readImageHeader(bytesOf(image("raw")), "qcow2")).refused ?? "", /is not qcow2/);
    assert.deepEqual(await readImageHeader(bytesOf(image("qcow2")), "raw").then(({ format, refused }) => [format, refused]), [
      "raw",
      undefined,
    ]);
  });

  it("survives files changed at random: an answer each time, no read beyond reason, in time", async () => {
    const seed = Number(process.env.VIVARIUM_SEED ?? Date.now() % 2 ** 31);
    console.log(`      seed ${seed} (VIVARIUM_SEED)`);
    const random = generator(seed);
    const until = Date.now() + 8000;
    let tries = 0;
    for (; Date.now() < until; tries += 1) {
      const name = made[Math.floor(random() * made.length)]?.[0] ?? "raw";
      const data = mutated(image(name), random);
      const start = Date.now();
      const header = await readImageHeader(bytesOf(data));
      const read = header.content?.();
      if (read && header.virtualBytes !== undefined)
        await readPartitions(read, header.virtualBytes)
          .then(async () => {
            for (let n = 0; n < 4; n += 1) await read(Math.floor(random() * raw.length), 65_536);
            await bootLoaders(read, mib);
          })
          .catch((error: unknown) => assert.ok(error instanceof Refused, `${name}: ${(error as Error).stack}`));
      assert.ok(Date.now() - start < 3000, `${name} took ${Date.now() - start} ms`);
    }
    assert.ok(tries > 50, `${tries} tries`);
  });
});

/** Changes up to eight bytes or words where headers and tables are, or cuts the file. */
function mutated(data: Buffer, random: () => number): Buffer {
  const places = [0, 64, 512, 1024, 65_536, 131_072, 196_608, 262_144, 1024 ** 2, 2 * 1024 ** 2, data.length - 512, data.length - 1536];
  const interesting = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];
  for (let n = 1 + Math.floor(random() * 8); n > 0; n -= 1) {
    const at = (places[Math.floor(random() * places.length)] ?? 0) + Math.floor(random() * 512);
    const width = random() < 0.5 ? 1 : 8;
    for (let i = at; i < at + width && i >= 0 && i < data.length; i += 1)
      data[i] = random() < 0.5 ? Math.floor(random() * 256) : (interesting[Math.floor(random() * interesting.length)] ?? 0);
  }
  return random() < 0.1 ? data.subarray(0, Math.floor(random() * data.length)) : data;
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function put(data: Buffer, at: number, value: number): Buffer {
  data.writeUInt8(value, at);
  return data;
}

function flag(data: Buffer, at: number, bits: number): Buffer {
  return put(data, at, data.readUInt8(at) | bits);
}

function put32(data: Buffer, at: number, value: number): Buffer {
  data.writeUInt32BE(value, at);
  return data;
}

function put64(data: Buffer, at: number, value: bigint, lengthAt?: number, length?: number): Buffer {
  data.writeBigUInt64BE(value, at);
  return lengthAt === undefined ? data : put32(data, lengthAt, length ?? 0);
}

function le64(data: Buffer, at: number, value: bigint): Buffer {
  data.writeBigUInt64LE(value, at);
  return data;
}

function withBacking(data: Buffer, name: string): Buffer {
  data.write(name, 1024, "utf8");
  return put64(data, 8, 1024n, 16, Buffer.byteLength(name));
}

function replaceText(data: Buffer, from: string, to: string): Buffer {
  const at = data.indexOf(from);
  assert.ok(at > 0, from);
  data.write(to.padEnd(from.length), at, "latin1");
  // A longer text takes what is behind it.
  if (to.length > from.length) data.write("\n", at + to.length, "latin1");
  return data;
}

function vhdxHeader(data: Buffer, change: (head: Buffer) => void): Buffer {
  for (const at of [65_536, 131_072]) {
    const head = data.subarray(at, at + 4096);
    change(head);
    head.writeUInt32LE(0, 4);
    head.writeUInt32LE(castagnoli(head), 4);
  }
  return data;
}

const vhdxParameters = Buffer.from("3767a1ca36fa434db3b633f0aa44e76b", "hex");
const vhdxSize = Buffer.from("2442a52f1bcd7648b2115dbed83bf4b8", "hex");

/** What an entry of the metadata table leads to. */
function vhdxItem(data: Buffer, id: Buffer, change: (item: Buffer) => void): Buffer {
  const entry = data.indexOf(id);
  change(data.subarray(data.indexOf("metadata") + data.readUInt32LE(entry + 16)));
  return data;
}

/** The disk's size under a name that nobody knows, and needed all the same. */
function unknownVhdxItem(data: Buffer): Buffer {
  const entry = data.indexOf(vhdxSize);
  return flag(put(data, entry, 0), entry + 24, 0b100);
}

/** One entry more in both region tables, which a reader must know. */
function vhdxRegion(data: Buffer): Buffer {
  for (const at of [192 * 1024, 256 * 1024]) {
    const table = data.subarray(at, at + 65_536);
    if (table.toString("latin1", 0, 4) !== "regi") continue;
    const count = table.readUInt32LE(8);
    table.writeUInt32LE(count + 1, 8);
    table.fill(7, 16 + count * 32, 32 + count * 32);
    table.writeUInt32LE(1, 16 + count * 32 + 28);
    table.writeUInt32LE(0, 4);
    table.writeUInt32LE(castagnoli(table), 4);
  }
  return data;
}

function castagnoli(data: Buffer): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82_f6_3b_78 : crc >>> 1;
  }
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}

function summed(part: Buffer, at: number): void {
  part.writeUInt32BE(0, at);
  part.writeUInt32BE(~part.reduce((sum, byte) => (sum + byte) >>> 0, 0) >>> 0, at);
}

function vpcFooter(data: Buffer, change: (footer: Buffer) => void): Buffer {
  const footer = data.subarray(data.length - 512);
  change(footer);
  summed(footer, 64);
  return data;
}

function dynamicHeader(data: Buffer, change: (head: Buffer) => void): Buffer {
  const head = data.subarray(512, 1536);
  change(head);
  summed(head, 36);
  return data;
}
