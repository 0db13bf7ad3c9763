import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { type ImportRequest, importMachine } from "../../src/host/index.ts";
import { codeOf, everything, killVivd, type Pauses, until } from "../support/faults.ts";
import { guest, type TestHome, testHome } from "../support/home.ts";
import { bootCd } from "../support/media.ts";
import { type Entry, manifestOf, ovfText, tarOf } from "../support/ova.ts";
import { gptDisk, mbrDisk } from "../support/partitionedDisk.ts";
import { runTool } from "../support/tools.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";
import type { World } from "./world.ts";

const mib = 1024 ** 2;

describe("import", function () {
  this.timeout(300_000);
  let paused: PausedHome;
  let world: World;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let stream: Buffer;

  before(async () => {
    paused = await pausedHome();
    ({ world, pauses, home, client } = paused);
    await gptDisk(world.path("disk.raw"), "BOOTX64.EFI");
    for (const format of ["qcow2", "vdi", "vhdx"]) await qemuImg("convert", "-f", "raw", "-O", format, "disk.raw", `disk.${format}`);
    await qemuImg("convert", "-f", "raw", "-O", "vpc", "-o", "force_size=on", "disk.raw", "disk.vhd");
    await qemuImg("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", "disk.raw", "disk.vmdk");
    stream = await readFile(world.path("disk.vmdk"));
  });
  after(() => paused.dispose());

  async function qemuImg(...args: string[]): Promise<void> {
    const { exitCode, stderr } = await runTool("qemu-img", args, world.folder);
    assert.equal(exitCode, 0, stderr);
  }

  async function contentOf(machine: string, disk = "disk0"): Promise<Buffer> {
    await qemuImg("check", "-q", "-f", "qcow2", join(home.machineFolder(machine), `${disk}.qcow2`));
    await qemuImg("convert", "-f", "qcow2", "-O", "raw", join(home.machineFolder(machine), `${disk}.qcow2`), "content.raw");
    return readFile(world.path("content.raw"));
  }

  async function definitionOf(machine: string): Promise<Record<string, unknown>> {
    const text = (await client.call("machine.definition", { machine })).text;
    return JSON.parse(text.replaceAll(/^\/\/.*$/gm, "")) as Record<string, unknown>;
  }

  async function ova(name: string, entries: readonly Entry[]): Promise<string> {
    await writeFile(world.path(name), tarOf(entries));
    return world.path(name);
  }

  const oneDisk = [{ file: "disk.vmdk", capacity: 32 * mib }];

  for (const [index, file] of ["disk.raw", "disk.qcow2", "disk.vmdk", "disk.vdi", "disk.vhdx", "disk.vhd"].entries())
    it(`makes a machine of ${file}: the same bytes, an identity of its own, firmware by its partitions`, async () => {
      const name = `from-${index}`;
      const made = await client.call("machine.import", { file: world.path(file), name });
      assert.ok((await contentOf(name)).equals(await readFile(world.path("disk.raw"))));
      const definition = await definitionOf(name);
      assert.deepEqual([definition["id"], definition["firmware"], definition["architecture"]], [made.id, { type: "uefi" }, "x86_64"]);
      assert.match(made.notes.join(" "), /UEFI firmware: its EFI partition has a boot loader for x86_64/);
      assert.match(made.notes.join(" "), index < 2 ? /^(?!.*SATA)/ : /Disks are on SATA/);
      assert.ok(existsSync(join(home.machineFolder(name), "keys", "login")));
    });

  it("takes a disk without EFI for BIOS, one for arm64 for aarch64, and what it is told", async () => {
    await mbrDisk(world.path("mbr.raw"));
    const bios = await client.call("machine.import", { file: world.path("mbr.raw"), name: "by-mbr" });
    assert.deepEqual((await definitionOf("by-mbr"))["firmware"], { type: "bios" });
    assert.match(bios.notes.join(" "), /it has partitions, and none for EFI/);
    await gptDisk(world.path("arm.raw"), "BOOTAA64.EFI");
    await client.call("machine.import", { file: world.path("arm.raw"), name: "by-loader" });
    assert.equal((await definitionOf("by-loader"))["architecture"], "aarch64");
    await client.call("machine.import", { file: world.path("disk.raw"), name: "as-told", firmware: "bios" });
    assert.deepEqual((await definitionOf("as-told"))["firmware"], { type: "bios" });
    await writeFile(world.path("odd"), "no disk at all");
    await client.call("machine.import", { file: world.path("odd"), name: "odd", format: "raw" });
    assert.equal((await contentOf("odd")).subarray(0, 14).toString(), "no disk at all");
  });

  it("makes a machine of an OVA made by hand with qemu-img, and it boots", async () => {
    await qemuImg("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", await bootCd("x86_64"), "system.vmdk");
    await qemuImg("convert", "-f", "raw", "-O", "vmdk", "disk.raw", "data.vmdk");
    const system = await readFile(world.path("system.vmdk"));
    const size = (await stat(await bootCd("x86_64"))).size;
    const entries: Entry[] = [
      {
        name: "web.ovf",
        data: ovfText(
          "Web server",
          [
            { file: "system.vmdk", capacity: size },
            { file: "data.vmdk", capacity: 32 * mib },
          ],
          { memoryMiB: 300, cpus: 2, firmware: "bios" },
        ),
      },
      { name: "system.vmdk", data: system },
      { name: "data.vmdk", data: await readFile(world.path("data.vmdk")) },
    ];
    // As a person does it: tar(1), the OVF first.
    for (const { name, data } of entries) await writeFile(world.path(name), data);
    await writeFile(world.path("web.mf"), manifestOf(entries, "sha256"));
    execFileSync("tar", ["--format=ustar", "-cf", "web.ova", "web.ovf", "web.mf", "system.vmdk", "data.vmdk"], { cwd: world.folder });

    const made = await client.call("machine.import", { file: world.path("web.ova"), name: "web" });
    const notes = made.notes.join("\n");
    for (const note of [/Its checksums hold/, /Not taken over: a floppy drive/, /BIOS firmware: the OVF says so/])
      assert.match(notes, note);
    const definition = await definitionOf("web");
    assert.deepEqual([definition["cpus"], definition["memory"], definition["firmware"]], [2, "300M", { type: "bios" }]);
    assert.ok((await contentOf("web", "disk1")).equals(await readFile(world.path("disk.raw"))));
    await client.call("machine.set", { machine: "web", set: ["display.type=none"] });
    await client.call("machine.start", { machine: "web" });
    await client.call("machine.wait", { machine: "web", for: "agent", timeoutMs: 200_000 });
    // Which of the two is sda is chance: Linux looks at its SATA ports at the same time.
    const sizes = (await guest(client, "web", "sh", "-c", "cat /sys/block/sd?/size")).split("\n");
    assert.ok(sizes.includes(String((32 * mib) / 512)), sizes.join());
    await client.call("machine.kill", { machine: "web" });
  });

  it("reads an OVA of the oldest kind too: SHA-1, and none at all", async () => {
    const entries = [
      { name: "a.ovf", data: ovfText("a", oneDisk) },
      { name: "disk.vmdk", data: stream },
    ];
    await client.call("machine.import", {
      file: await ova("sha1.ova", [...entries, { name: "a.mf", data: manifestOf(entries, "sha1") }]),
      name: "sha1",
    });
    assert.ok((await contentOf("sha1")).equals(await readFile(world.path("disk.raw"))));
    const plain = await client.call("machine.import", { file: await ova("plain.ova", entries), name: "plain" });
    assert.match(plain.notes.join(" "), /no manifest/);
  });

  /** Refused before qemu-img is even looked for: the toolchain of this context cannot be had. */
  const refused: [what: string, make: () => Promise<Omit<ImportRequest, "name">>, reason: RegExp][] = [
    ["a backing file", () => hostile("backing.qcow2", ["-F", "raw", "-b", "/etc/passwd", "-u"]), /built on another file, \/etc\/passwd/],
    ["an external data file", () => hostile("data.qcow2", ["-o", "data_file=elsewhere.raw"]), /keeps its data in another file/],
    ["a json: path", () => patched("json.qcow2", (data) => backing(data, 'json:{"driver":"nbd"}')), /not a plain file/],
    ["an unknown feature bit", () => patched("bits.qcow2", (data) => data.writeUInt8(0x80, 72)), /features that nobody knows/],
    ["8 EiB", () => patched("huge.qcow2", (data) => data.writeBigUInt64BE(2n ** 63n - 512n, 24)), /more than 1 PiB/],
    ["a truncated header", () => file("short.qcow2", async () => (await readFile(world.path("disk.qcow2"))).subarray(0, 90)), /cut off/],
    ["a truncated file", () => file("cut.vdi", async () => (await readFile(world.path("disk.vdi"))).subarray(0, 3 * mib)), /cut off/],
    ["foreign VMDK extents", () => foreignVmdk("twoGbMaxExtentSparse"), /keeps its disk in other files/],
    [
      "a flat VMDK of the host's",
      () =>
        file("flat.vmdk", async () =>
          Buffer.from('# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 2048 FLAT "/etc/shadow" 0\n'),
        ),
      /keeps its disk in other files/,
    ],
    [
      "LUKS",
      () => file("luks.img", async () => Buffer.concat([Buffer.from("LUKS\xba\xbe\0\x01", "latin1"), Buffer.alloc(4096)])),
      /encrypted/,
    ],
    ["text", () => file("text.img", async () => Buffer.from("hello".repeat(1000))), /no disk image/],
    ["nothing", () => file("empty.img", async () => Buffer.alloc(0)), /is empty/],
    ["another format than it says", async () => ({ file: world.path("disk.vdi"), format: "vmdk" }), /is not vmdk but vdi/],
    ["a folder", async () => ({ file: world.folder }), /is not a file/],
    ["a device", async () => ({ file: "/dev/zero" }), /is not a file/],
    ["a CD", async () => ({ file: await bootCd("aarch64") }), /is a CD image/],
    ["a json: path", async () => ({ file: 'json:{"driver":"file","filename":"/etc/passwd"}' }), /There is no file|not an absolute path/],
    ["an address", async () => ({ file: "nbd://localhost/x" }), /There is no file|not an absolute path/],
    ["a file that is not there", async () => ({ file: world.path("none") }), /There is no file/],
    [
      "an OVA whose disk was changed",
      () => badOva("changed", (good) => [...good, { name: "a.mf", data: manifestOf([{ name: "disk.vmdk", data: "other" }], "sha256") }]),
      /SHA256 differs/,
    ],
    [
      "an OVA with a manifest that is none",
      () => badOva("mf", (good) => [...good, { name: "a.mf", data: "rm -rf /" }]),
      /manifest that cannot be read/,
    ],
    [
      "an OVA with ..",
      () => badOva("dotdot", (good) => [...good, { name: "../../.ssh/authorized_keys", data: "x" }]),
      /leads out of its folder/,
    ],
    [
      "an OVA with an absolute path",
      () => badOva("absolute", (good) => [...good, { name: "/etc/cron.d/x", data: "x" }]),
      /leads out of its folder/,
    ],
    [
      "an OVA with a symbolic link",
      () =>
        badOva("link", (good) => [...good, { name: "disk2.vmdk", data: "", header: { type: "SymbolicLink", linkpath: "/etc/passwd" } }]),
      /no plain file \(SymbolicLink\)/,
    ],
    [
      "an OVA with a hard link",
      () => badOva("hard", (good) => [...good, { name: "disk2.vmdk", data: "", header: { type: "Link", linkpath: "/etc/passwd" } }]),
      /no plain file \(Link\)/,
    ],
    [
      "an OVA with a device",
      () => badOva("device", (good) => [...good, { name: "null", data: "", header: { type: "CharacterDevice" } }]),
      /no plain file \(CharacterDevice\)/,
    ],
    [
      "an OVA with a folder",
      () => badOva("folder", (good) => [...good, { name: "sub", data: "", header: { type: "Directory" } }]),
      /no plain file|leads out/,
    ],
    ["an OVA with a file twice", () => badOva("twice", (good) => [...good, { name: "DISK.vmdk", data: "x" }]), /holds "DISK.vmdk" twice/],
    ["an OVA with two descriptors", () => badOva("two", (good) => [...good, { name: "b.ovf", data: "x" }]), /2 OVF descriptors/],
    ["an OVA without a descriptor", () => badOva("none", (good) => good.slice(1)), /0 OVF descriptors/],
    ["an OVA without its disk", () => badOva("nodisk", (good) => good.slice(0, 1)), /lacks "disk.vmdk"/],
    ["an OVA that is cut off", () => file("cut.ova", async () => tarOf(good()).subarray(0, 5000)), /cut off/],
    [
      "an OVA of a thousand files and more",
      () => badOva("many", (good) => [...good, ...Array.from({ length: 1000 }, (_, n) => ({ name: `f${n}`, data: "" }))]),
      /more than 1000 files/,
    ],
    [
      "an OVA with a sparse file",
      () => badOva("sparse", (good) => [...good, { name: "s.vmdk", data: "x", header: { type: "SparseFile" as never } }]),
      /no plain file|checksum of a file's header/,
    ],
    [
      "an OVA with a file header of 1 MiB",
      () => badOva("pax", (good) => [{ name: "pax", data: Buffer.alloc(mib, "9"), header: { type: "ExtendedHeader" } }, ...good]),
      /impossible length/,
    ],
    [
      "an OVA whose OVF is a bomb",
      () => badOva("large", (good) => [{ name: "a.ovf", data: Buffer.alloc(5 * mib, " ") }, ...good.slice(1)]),
      /a.ovf is too large/,
    ],
    [
      "an OVA whose manifest is a bomb",
      () => badOva("sums", (good) => [...good, { name: "a.mf", data: Buffer.alloc(5 * mib, "\n") }]),
      /a.mf is too large/,
    ],
    [
      "an OVA whose disk is a bomb",
      () =>
        badOva("bomb", () => [
          { name: "a.ovf", data: ovfText("a", [{ file: "bomb.qcow2", capacity: 1 }]) },
          { name: "bomb.qcow2", data: bomb() },
        ]),
      /claims far more than it could hold/,
    ],
    [
      "an OVA whose disk leans on a file",
      () =>
        badOva("leans", () => [
          { name: "a.ovf", data: ovfText("a", oneDisk) },
          { name: "disk.vmdk", data: '# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 2048 FLAT "/etc/shadow" 0\n'.padEnd(512) },
        ]),
      /keeps its disk in other files/,
    ],
    [
      "an OVF with a DTD",
      () =>
        badOva("dtd", () => [{ name: "a.ovf", data: '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Envelope>&a;</Envelope>' }]),
      /has a DTD/,
    ],
    [
      "an OVF with a billion laughs",
      () =>
        badOva("laughs", () => [
          { name: "a.ovf", data: '<!DOCTYPE l [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;">]><Envelope>&m;</Envelope>' },
        ]),
      /has a DTD/,
    ],
    ["an OVF that is no XML", () => badOva("xml", () => [{ name: "a.ovf", data: "<Envelope><a></Envelope>" }]), /no well-formed XML/],
    [
      "an OVF that is very deep",
      () => badOva("deep", () => [{ name: "a.ovf", data: `<Envelope>${"<a>".repeat(100_000)}` }]),
      /more elements than any machine needs/,
    ],
    [
      "an OVF that names a file outside",
      () => badOva("href", () => [{ name: "a.ovf", data: ovfText("a", [{ file: "../../etc/passwd", capacity: 1 }]) }]),
      /names a file outside itself/,
    ],
    [
      "an OVF that names an address",
      () => badOva("http", () => [{ name: "a.ovf", data: ovfText("a", [{ file: "http://localhost/disk.vmdk", capacity: 1 }]) }]),
      /names a file outside itself/,
    ],
    [
      "an OVF with a compressed disk",
      () =>
        badOva("gz", (good) => [
          { name: "a.ovf", data: ovfText("a", oneDisk).replace('ovf:id="file0"', 'ovf:id="file0" ovf:compression="gzip"') },
          ...good.slice(1),
        ]),
      /compressed \(gzip\)/,
    ],
    [
      "an OVF of two machines",
      () =>
        badOva("pair", (good) => [
          { name: "a.ovf", data: ovfText("a", oneDisk, { extra: '<VirtualSystem ovf:id="b"/>' }) },
          ...good.slice(1),
        ]),
      /describes 2 machines/,
    ],
    ["an OVF without a machine", () => badOva("nobody", () => [{ name: "a.ovf", data: "<Envelope/>" }]), /describes no machine/],
  ];
  for (const [index, [what, make, reason]] of refused.entries())
    it(`refuses ${what}, before qemu-img is looked for`, async () => {
      const request = await make();
      const context = {
        home: home.folder,
        machinesFolder: join(home.folder, "machines"),
        isTaken: () => false,
        hostArchitecture: "x86_64" as const,
        cores: 2,
        memoryBytes: 2 ** 33,
        toolchain: () => Promise.reject(new Error("qemu-img was looked for")),
      };
      const before = await everything(join(home.folder, "machines"));
      const work = { signal: new AbortController().signal, progress: () => undefined };
      await assert.rejects(importMachine({ ...request, name: `bad-${index}` }, context, work), (error: Error & { code?: string }) => {
        assert.match(error.message, reason);
        assert.ok(["untrusted-input", "not-found", "usage"].includes(error.code ?? ""), error.code);
        return true;
      });
      assert.deepEqual(await everything(join(home.folder, "machines")), before);
    });

  function good(): Entry[] {
    return [
      { name: "a.ovf", data: ovfText("a", oneDisk) },
      { name: "disk.vmdk", data: stream },
    ];
  }

  async function badOva(name: string, change: (entries: Entry[]) => Entry[]): Promise<{ file: string }> {
    return { file: await ova(`bad-${name}.ova`, change(good())) };
  }

  async function file(name: string, make: () => Promise<Buffer>): Promise<{ file: string }> {
    await writeFile(world.path(name), await make());
    return { file: world.path(name) };
  }

  async function hostile(name: string, options: string[]): Promise<{ file: string }> {
    await qemuImg("create", "-q", "-f", "qcow2", ...options, name, "1M");
    return { file: world.path(name) };
  }

  async function foreignVmdk(subformat: string): Promise<{ file: string }> {
    await qemuImg("create", "-q", "-f", "vmdk", "-o", `subformat=${subformat}`, `${subformat}.vmdk`, "1M");
    return { file: world.path(`${subformat}.vmdk`) };
  }

  function patched(name: string, change: (data: Buffer) => void): Promise<{ file: string }> {
    return file(name, async () => {
      const data = await readFile(world.path("disk.qcow2"));
      change(data);
      return data;
    });
  }

  /** Of a pebibyte less a sector, with an L1 table that may be a hole. */
  function bomb(): Buffer {
    const data = Buffer.alloc(3 * mib);
    data.write("QFI\xfb", 0, "latin1");
    data.writeUInt32BE(2, 4);
    data.writeUInt32BE(21, 20);
    data.writeBigUInt64BE(BigInt(2 ** 50), 24);
    data.writeUInt32BE(2048, 36);
    data.writeBigUInt64BE(65_536n, 40);
    data.writeBigUInt64BE(131_072n, 48);
    return data;
  }

  it("leaves a name, a file or a machine that is there as it is", async () => {
    assert.equal(await codeOf(client.call("machine.import", { file: world.path("disk.raw"), name: "from-0" })), "exists");
    assert.equal(await codeOf(client.call("machine.import", { file: world.path("disk.raw"), name: "../x" })), "invalid-name");
    assert.ok((await contentOf("from-0")).equals(await readFile(world.path("disk.raw"))));
  });

  for (const step of ["reading the image", "copied 1", "putting it in place"])
    it(`leaves nothing when it is cancelled, or vivd killed, at: ${step}`, async () => {
      const machines = join(home.folder, "machines");
      const before = await everything(machines);
      const entries = [
        { name: "a.ovf", data: ovfText("a", [...oneDisk, { file: "two.vmdk", capacity: 32 * mib }]) },
        { name: "disk.vmdk", data: stream },
        { name: "two.vmdk", data: stream },
      ];
      const path = await ova("pair.ova", entries);
      const pause = await pauses.at("import", step);
      const abort = new AbortController();
      const cancelled = codeOf(client.call("machine.import", { file: path, name: "half" }, { signal: abort.signal }));
      await pause.reached();
      abort.abort();
      await pause.release();
      assert.equal(await cancelled, "cancelled");
      assert.deepEqual(await everything(machines), before);

      const again = await pauses.at("import", step);
      const lost = codeOf(client.call("machine.import", { file: path, name: "half" }));
      await again.reached();
      await killVivd(home);
      await lost;
      await again.release();
      client = await home.client();
      await client.call("machine.list", {});
      assert.deepEqual(await everything(machines), before);
      assert.deepEqual(await readdir(join(home.folder, "run", "partial")).catch(() => []), []);
    });

  it("ends the qemu-img of a vivd that was killed", async () => {
    // Long enough to be met at work.
    await writeFile(world.path("large.raw"), await readFile(world.path("disk.raw")));
    await truncate(world.path("large.raw"), 2 ** 30);
    execFileSync("dd", ["if=/dev/urandom", `of=${world.path("large.raw")}`, "bs=1M", "seek=40", "count=400", "conv=notrunc"], {
      stdio: "ignore",
    });
    const lost = codeOf(client.call("machine.import", { file: world.path("large.raw"), name: "large" }));
    const partials = join(home.folder, "run", "partial");
    const pid = await until("qemu-img at work", async () => {
      const [name] = await readdir(partials).catch(() => []);
      const note = name
        ? (JSON.parse(await readFile(join(partials, name), "utf8").catch(() => "{}")) as { process?: { pid: number } })
        : {};
      return note.process?.pid;
    });
    await killVivd(home);
    await lost;
    client = await home.client();
    await client.call("machine.list", {});
    assert.equal(existsSync(`/proc/${pid}/cmdline`) && (await readFile(`/proc/${pid}/cmdline`, "utf8")).includes("large"), false);
    assert.equal(existsSync(home.machineFolder("large")), false);
    assert.deepEqual(
      (await readdir(join(home.folder, "machines"))).filter((name) => name.startsWith(".")),
      [],
    );
  });

  it("leaves nothing when the disk is full, however full it is", async () => {
    const small = world.path("small");
    await mkdir(small);
    for (const size of ["1m", "3m", "5m"]) {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", small]);
      const tiny = await testHome({ parent: small }).catch(() => undefined);
      try {
        assert.ok(tiny);
        const own = await tiny.client();
        const code = await codeOf(own.call("machine.import", { file: world.path("disk.vmdk"), name: "full" }));
        assert.equal(code, "disk-full", size);
        assert.deepEqual(await readdir(join(tiny.folder, "machines")), []);
      } finally {
        await tiny?.dispose();
        execFileSync("umount", ["-l", small]);
      }
    }
  });
});

function backing(data: Buffer, name: string): void {
  data.write(name, 1024, "latin1");
  data.writeBigUInt64BE(1024n, 8);
  data.writeUInt32BE(name.length, 16);
}
