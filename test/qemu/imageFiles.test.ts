import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { codeOf, killVivd, type Pauses } from "../support/faults.ts";
import type { TestHome } from "../support/home.ts";
import { manifestOf, ovfText, tarOf } from "../support/ova.ts";
import { gptDisk } from "../support/partitionedDisk.ts";
import { runTool } from "../support/tools.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";
import type { World } from "./world.ts";

const mib = 1024 ** 2;

describe("image files", function () {
  this.timeout(120_000);
  let paused: PausedHome;
  let world: World;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let raw: Buffer;

  before(async () => {
    paused = await pausedHome();
    ({ world, pauses, home, client } = paused);
    await mkdir(world.path("out"));
    await gptDisk(world.path("disk.raw"), "BOOTX64.EFI");
    raw = await readFile(world.path("disk.raw"));
    for (const format of ["qcow2", "vmdk", "vdi", "vhdx"])
      await qemuImg("convert", "-f", "raw", "-O", format, "disk.raw", `disk.${format}`);
    await qemuImg("convert", "-f", "raw", "-O", "vpc", "-o", "force_size=on", "disk.raw", "disk.vhd");
  });
  after(() => paused.dispose());
  afterEach(async () => {
    for (const name of await readdir(world.path("out"))) await rm(world.path("out", name));
  });

  async function qemuImg(...args: string[]): Promise<void> {
    const { exitCode, stderr } = await runTool("qemu-img", args, world.folder);
    assert.equal(exitCode, 0, stderr);
  }

  function convert(
    from: string,
    target: string,
    format: "qcow2" | "raw" | "vmdk" | "vdi",
    options: { overwrite?: boolean; signal?: AbortSignal } = {},
  ) {
    return client.call(
      "image.convert",
      { file: world.path(from), target: world.path("out", target), format, overwrite: options.overwrite ?? false },
      options.signal ? { signal: options.signal } : {},
    );
  }

  const outFiles = () => readdir(world.path("out"));

  it("are described without QEMU: format, size, partitions, and what they are built on", async () => {
    await qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "disk.raw", "over.qcow2");
    const found = await client.call("image.inspect", { file: world.path("over.qcow2") });
    assert.deepEqual(
      [found.format, found.virtualBytes, found.chain],
      ["qcow2", 32 * mib, [{ file: world.path("disk.raw"), format: "raw" }]],
    );
    assert.match(found.refused ?? "", /built on another file/);
    // The partitions are in the file below.
    assert.deepEqual(
      found.partitions.map(({ type }) => type),
      ["EFI system", "Linux"],
    );
    assert.equal((await client.call("image.inspect", { file: world.path("disk.vhd") })).format, "vpc");
    await writeFile(world.path("page.html"), "<html>".repeat(100));
    const page = await client.call("image.inspect", { file: world.path("page.html") });
    assert.deepEqual([page.format, page.virtualBytes, page.refused], [null, null, "is no disk image that Vivarium knows"]);
  });

  it("may be an OVA: the machine in it is described, and why it is refused", async () => {
    await qemuImg("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", "disk.raw", "stream.vmdk");
    const entries = [
      { name: "a.ovf", data: ovfText("Web", [{ file: "d.vmdk", capacity: 32 * mib }]) },
      { name: "d.vmdk", data: await readFile(world.path("stream.vmdk")) },
    ];
    await writeFile(world.path("a.ova"), tarOf([...entries, { name: "a.mf", data: manifestOf(entries, "sha256") }]));
    const found = await client.call("image.inspect", { file: world.path("a.ova") });
    assert.deepEqual([found.format, found.virtualBytes, found.refused], ["ova", 32 * mib, undefined]);
    assert.deepEqual(
      found.facts.map(({ name, value }) => `${name}: ${value}`),
      ["machine: Web", "processors: 1", "memory: 512 MiB", "disk: d.vmdk: vmdk, 32 MiB", "checksums: hold"],
    );
    await writeFile(world.path("b.ova"), tarOf([...entries, { name: "../x", data: "" }]));
    const bad = await client.call("image.inspect", { file: world.path("b.ova") });
    assert.equal(bad.refused, 'holds "../x", a name that leads out of its folder');
  });

  it("do not follow a backing file anywhere else", async () => {
    await qemuImg("create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/passwd", "leak.qcow2", "1M");
    const found = await client.call("image.inspect", { file: world.path("leak.qcow2") });
    assert.deepEqual([found.chain, found.partitions], [[{ file: "/etc/passwd", format: "raw" }], []]);
  });

  for (const from of ["disk.qcow2", "disk.raw", "disk.vmdk", "disk.vdi", "disk.vhdx", "disk.vhd"])
    for (const format of ["qcow2", "raw", "vmdk", "vdi"] as const)
      it(`are converted: ${from} to ${format}, and nothing else is left`, async () => {
        const written = await convert(from, `copy.${format}`, format);
        assert.equal(written.file, world.path("out", `copy.${format}`));
        assert.deepEqual(await outFiles(), [`copy.${format}`]);
        await qemuImg("convert", "-f", format, "-O", "raw", written.file, "back.raw");
        assert.ok((await readFile(world.path("back.raw"))).equals(raw));
        assert.ok(written.bytes > mib && written.bytes < 32 * mib, `${written.bytes} bytes`);
      });

  it("are checked: sound, leaking, damaged", async () => {
    assert.deepEqual(await client.call("image.check", { file: world.path("disk.qcow2") }), { sound: true, corruptions: 0, leaks: 0 });
    for (const name of ["disk.vmdk", "disk.vdi", "disk.vhdx"])
      assert.equal((await client.call("image.check", { file: world.path(name) })).sound, true, name);
    const bytes = await readFile(world.path("disk.qcow2"));
    // The first L2 table's first entry points into nowhere; a refcount is one too high.
    const l1 = Number(bytes.readBigUInt64BE(40));
    const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00_ff_ff_ff_ff_ff_fe_00n);
    bytes.writeBigUInt64BE(0x80_00_00_00_00_f0_00_00n, l2);
    await writeFile(world.path("damaged.qcow2"), bytes);
    const damaged = await client.call("image.check", { file: world.path("damaged.qcow2") });
    assert.equal(damaged.sound, false);
    assert.ok(damaged.corruptions > 0);
    assert.equal(await codeOf(client.call("image.check", { file: world.path("disk.raw") })), "usage");
  });

  it("stay as they are when something is in the way", async () => {
    await writeFile(world.path("out", "taken.qcow2"), "mine");
    assert.equal(await codeOf(convert("disk.vdi", "taken.qcow2", "qcow2")), "exists");
    assert.equal(await readFile(world.path("out", "taken.qcow2"), "utf8"), "mine");
    await convert("disk.vdi", "taken.qcow2", "qcow2", { overwrite: true });
    await qemuImg("check", "-q", "-f", "qcow2", "out/taken.qcow2");
    for (const [target, code] of [
      [world.path("nowhere", "x.qcow2"), "not-found"],
      ["x.qcow2", "usage"],
      [world.path("out"), "usage"],
    ] as const)
      assert.equal(await codeOf(client.call("image.convert", { file: world.path("disk.vdi"), target, format: "qcow2" })), code);
    for (const [file, code] of [
      [world.path("none.qcow2"), "not-found"],
      [world.path("out"), "usage"],
      ["/dev/zero", "usage"],
    ] as const)
      assert.equal(await codeOf(client.call("image.convert", { file, target: world.path("out", "y.qcow2"), format: "qcow2" })), code);
    assert.deepEqual(await outFiles(), ["taken.qcow2"]);
  });

  it("leave nothing when a conversion is cancelled, when vivd is killed in it, or when the disk is full", async () => {
    const pause = await pauses.at("convert", "converted");
    const abort = new AbortController();
    const cancelled = codeOf(convert("disk.vmdk", "cancelled.qcow2", "qcow2", { signal: abort.signal }));
    await pause.reached();
    assert.equal((await outFiles()).length, 1, "the half-made file");
    abort.abort();
    await pause.release();
    assert.equal(await cancelled, "cancelled");
    assert.deepEqual(await outFiles(), []);

    const again = await pauses.at("convert", "converted");
    const lost = codeOf(convert("disk.vmdk", "lost.qcow2", "qcow2"));
    await again.reached();
    await killVivd(home);
    await lost;
    await again.release();
    assert.equal((await outFiles()).length, 1);
    client = await home.client();
    assert.deepEqual(await outFiles(), []);
    assert.deepEqual(await readdir(join(home.folder, "run", "partial")), []);

    const small = world.path("small");
    await mkdir(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", small]);
    try {
      const call = client.call("image.convert", { file: world.path("disk.vmdk"), target: join(small, "full.qcow2"), format: "qcow2" });
      assert.equal(await codeOf(call), "disk-full");
      assert.deepEqual(await readdir(small), []);
    } finally {
      execFileSync("umount", ["-l", small]);
    }
  });
});
