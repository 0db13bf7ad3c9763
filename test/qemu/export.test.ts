import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Params, Result, VivClient } from "../../src/api/index.ts";
import { codeOf, killVivd, type Pauses } from "../support/faults.ts";
import type { TestHome } from "../support/home.ts";
import { withLibvirt } from "../support/libvirt.ts";
import { bootCd } from "../support/media.ts";
import { gptDisk } from "../support/partitionedDisk.ts";
import { runTool } from "../support/tools.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";
import type { World } from "./world.ts";

const mib = 1024 ** 2;

describe("export", function () {
  this.timeout(300_000);
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
    await client.call("machine.import", { file: world.path("disk.raw"), name: "source" });
    await client.call("disk.add", { machine: "source", id: "data", size: "64M" });
  });
  after(() => paused.dispose());
  afterEach(async () => {
    for (const name of await readdir(world.path("out"))) await rm(world.path("out", name));
  });

  function write(
    name: string,
    request: Partial<Params<"machine.export">> & { signal?: AbortSignal } = {},
  ): Promise<Result<"machine.export">> {
    const { signal, ...rest } = request;
    return client.call("machine.export", { machine: "source", file: world.path("out", name), ...rest }, signal ? { signal } : {});
  }

  async function qemuImg(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await runTool("qemu-img", args, world.folder);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  }

  const outFiles = async () => (await readdir(world.path("out"))).sort();

  for (const format of ["qcow2", "raw", "vmdk", "vdi"] as const)
    it(`writes a disk as ${format}, whole, with its SHA-256, and stands on nothing`, async () => {
      const written = await write(`disk.${format}`);
      const data = await readFile(written.file);
      assert.deepEqual([written.bytes, written.sha256], [data.length, createHash("sha256").update(data).digest("hex")]);
      assert.deepEqual(await outFiles(), [`disk.${format}`]);
      await qemuImg("convert", "-f", format, "-O", "raw", written.file, "back.raw");
      assert.ok((await readFile(world.path("back.raw"))).equals(raw));
      const info = JSON.parse(await qemuImg("info", "--output=json", "-f", format, written.file)) as Record<string, unknown>;
      assert.equal(info["backing-filename"], undefined);
    });

  it("writes what a snapshot holds, of another disk too", async () => {
    await client.call("snapshot.create", { machine: "source", name: "then" });
    const layers = JSON.parse(await readFile(join(home.machineFolder("source"), "snapshots.json"), "utf8")) as {
      current: { layers: Record<string, string> };
    };
    const current = join(home.machineFolder("source"), layers.current.layers["disk0"] ?? "");
    await qemuImg("bench", "-q", "-w", "-c", "1", "-s", "65536", "-o", String(20 * mib), "--pattern=119", "-f", "qcow2", current);
    await write("now.raw");
    await write("then.raw", { snapshot: "then" });
    assert.ok((await readFile(world.path("out", "then.raw"))).equals(raw));
    assert.equal((await readFile(world.path("out", "now.raw")))[20 * mib], 119);
    await write("data.raw", { disk: "data" });
    assert.equal((await stat(world.path("out", "data.raw"))).size, 64 * mib);
    assert.equal(await codeOf(write("none.raw", { disk: "nodisk" })), "not-found");
    assert.equal(await codeOf(write("none.raw", { snapshot: "nosnapshot" })), "not-found");
  });

  it("writes the whole machine as an OVA that tar, sha256sum and Vivarium read, and without any secret", async () => {
    await write("source.ova");
    assert.deepEqual(await outFiles(), ["source.ova"]);
    execFileSync("tar", ["-xf", "source.ova"], { cwd: world.path("out") });
    assert.deepEqual(await outFiles(), ["source-data.vmdk", "source-disk0.vmdk", "source.mf", "source.ova", "source.ovf"]);
    const first = execFileSync("tar", ["-tf", "source.ova"], { cwd: world.path("out") })
      .toString()
      .split("\n")[0];
    assert.equal(first, "source.ovf");
    const manifest = await readFile(world.path("out", "source.mf"), "utf8");
    await writeFile(world.path("out", "sums"), manifest.replaceAll(/^SHA256\((.+)\)= (\w+)$/gm, "$2  $1"));
    execFileSync("sha256sum", ["-c", "--strict", "sums"], { cwd: world.path("out") });
    const info = JSON.parse(await qemuImg("info", "--output=json", "-f", "vmdk", "out/source-disk0.vmdk")) as {
      "format-specific": { data: { "create-type": string } };
    };
    assert.equal(info["format-specific"].data["create-type"], "streamOptimized");
    execFileSync("python3", ["-c", "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])", world.path("out", "source.ovf")]);

    const keys = await readFile(join(home.machineFolder("source"), "keys", "login"), "utf8");
    const secret = keys.split("\n").slice(1, -2).join("\n");
    assert.equal((await readFile(world.path("out", "source.ova"))).includes(secret), false);

    const back = await client.call("machine.import", { file: world.path("out", "source.ova"), name: "back" });
    assert.match(back.notes.join(" "), /Its checksums hold.*UEFI firmware: the OVF says so/);
    const { disks } = await client.call("machine.show", { machine: "back" });
    assert.deepEqual(
      disks.map(({ virtualBytes }) => virtualBytes),
      [32 * mib, 64 * mib],
    );
  });

  it("says what cannot be: a machine that runs, a kernel outside, a file in the way, a name without a format", async () => {
    await client.call("machine.create", { name: "starter", image: "starter", memory: "256M", set: ["display.type=none"] });
    const starter = (request: Partial<Params<"machine.export">>) => codeOf(write("x.ova", { machine: "starter", ...request }));
    await assert.rejects(write("x.ova", { machine: "starter" }), { code: "host-cannot", hint: /qcow2 or vmdk.*kernel / });
    await client.call("machine.start", { machine: "starter" });
    assert.equal(await starter({ format: "qcow2" }), "wrong-state");
    await client.call("snapshot.create", { machine: "starter", name: "s", memory: false });
    assert.equal(await starter({ format: "qcow2", snapshot: "s" }), undefined);
    await client.call("machine.kill", { machine: "starter" });
    assert.equal(await codeOf(write("x.ova")), "exists");
    assert.equal(await codeOf(write("x.ova", { overwrite: true })), undefined);
    assert.equal(await codeOf(write("disk")), "usage");
    assert.equal(await codeOf(write("disk.raw", { file: world.path("nowhere", "disk.raw") })), "not-found");
    assert.deepEqual(await outFiles(), ["x.ova"]);
  });

  for (const [format, step] of [
    ["qcow2", "writing disk0"],
    ["ova", "writing disk0"],
    ["ova", "writing data"],
    ["ova", "computing the checksum"],
    ["ova", "putting it in place"],
  ] as const)
    it(`leaves nothing of an export as ${format} that is cancelled, or whose vivd is killed, at: ${step}`, async () => {
      const pause = await pauses.at("export", step);
      const abort = new AbortController();
      const cancelled = codeOf(write(`half.${format}`, { signal: abort.signal }));
      await pause.reached();
      abort.abort();
      await pause.release();
      assert.equal(await cancelled, "cancelled");
      assert.deepEqual(await outFiles(), []);

      await writeFile(world.path("out", `half.${format}`), "the old one");
      const again = await pauses.at("export", step);
      const lost = codeOf(write(`half.${format}`, { overwrite: true }));
      await again.reached();
      await killVivd(home);
      await lost;
      await again.release();
      client = await home.client();
      const { state, operation } = await client.call("machine.show", { machine: "source" });
      assert.deepEqual([state, operation], ["stopped", undefined]);
      assert.deepEqual(await outFiles(), [`half.${format}`]);
      assert.equal(await readFile(world.path("out", `half.${format}`), "utf8"), "the old one");
      await rm(world.path("out", `half.${format}`));
      await write("after.raw", { snapshot: "then" });
      assert.ok((await readFile(world.path("out", "after.raw"))).equals(raw));
    });

  it("leaves nothing when the disk is full", async () => {
    const small = world.path("small");
    await mkdir(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", small]);
    try {
      for (const name of ["full.qcow2", "full.ova"]) {
        assert.equal(await codeOf(write(name, { file: join(small, name) })), "disk-full", name);
        assert.deepEqual(await readdir(small), []);
      }
    } finally {
      execFileSync("umount", ["-l", small]);
    }
  });

  it("boots under libvirt as a disk of another format", async () => {
    await client.call("machine.import", { file: await bootCd("x86_64"), name: "bootable", format: "raw", firmware: "bios" });
    await write("system.vmdk", { machine: "bootable" });
    // libvirt's QEMU is another user.
    for (const folder of [world.folder, world.path("out")]) await chmod(folder, 0o755);
    const log = world.path("serial.log");
    const name = `vivarium-export-${process.pid}`;
    const said = async () => (existsSync(log) ? readFile(log, "latin1") : "");
    await writeFile(world.path("domain.xml"), domain(name, world.path("out", "system.vmdk"), "vmdk", log));
    await withLibvirt(async (virsh) => {
      virsh("create", world.path("domain.xml"));
      try {
        for (const deadline = Date.now() + 200_000; !/starter guest: a small Linux/.test(await said()); ) {
          assert.ok(Date.now() < deadline, `no guest within 200 s; the serial port said: ${(await said()).slice(-500)}`);
          await new Promise((wake) => setTimeout(wake, 500));
        }
      } finally {
        virsh("destroy", name);
      }
    });
  });
});

function domain(name: string, disk: string, format: string, log: string): string {
  return `<domain type='qemu'><name>${name}</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<seclabel type='none'/>
<devices><disk type='file' device='disk'><driver name='qemu' type='${format}'/><source file='${disk}'/><target dev='sda' bus='sata'/></disk>
<serial type='file'><source path='${log}'/></serial></devices></domain>`;
}
