import assert from "node:assert/strict";
import { copyFile, mkdir, open, rm, stat, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { qemuPids } from "../support/faults.ts";
import { starterMachine, type TestHome, testHome } from "../support/home.ts";
import { runTool } from "../support/tools.ts";

/** Disks that are gone, cut off, no disks at all, or point at files of the host. Headers are read by us; QEMU never starts. */
describe("a machine's disk", function () {
  this.timeout(180_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, "first");
    await starterMachine(client, "hurt");
    await copyFile(disk(), `${disk()}.good`);
  });
  after(() => home.dispose());
  afterEach(async () => {
    await rm(disk(), { recursive: true, force: true });
    await copyFile(`${disk()}.good`, disk());
  });

  const disk = () => join(home.machineFolder("hurt"), "disk0.qcow2");

  const cases: Record<string, { code: string; says: RegExp; hurt: () => Promise<void> }> = {
    "that is missing": { code: "damaged", says: /disk0\.qcow2 is missing/, hurt: () => unlink(disk()) },
    "that is empty": { code: "damaged", says: /too short/, hurt: () => truncate(disk(), 0) },
    "that is a folder": {
      code: "damaged",
      says: /disk0\.qcow2 is missing/,
      hurt: async () => {
        await unlink(disk());
        await mkdir(disk());
      },
    },
    "cut off in its header": { code: "damaged", says: /cut off|too short/, hurt: () => truncate(disk(), 90) },
    "cut off in its tables": { code: "damaged", says: /cut off: its tables/, hurt: () => truncate(disk(), 100_000) },
    "that is no qcow2 image": {
      code: "damaged",
      says: /not a qcow2 image/,
      hurt: () => writeFile(disk(), "<html>404 not found</html>".repeat(100)),
    },
    "of a qcow2 version nobody knows": { code: "damaged", says: /version 9/, hurt: () => patch(disk(), 4, Buffer.of(0, 0, 0, 9)) },
    "with features nobody knows": { code: "damaged", says: /features that nobody knows/, hurt: () => patch(disk(), 72, Buffer.of(0x80)) },
    "marked as corrupt": { code: "damaged", says: /marked as corrupt/, hurt: () => patch(disk(), 79, Buffer.of(0b10)) },
    "claiming more than a pebibyte": { code: "damaged", says: /more than 1 PiB/, hurt: () => patch(disk(), 24, Buffer.alloc(8, 0x7f)) },
    "built on a file of the host": {
      code: "untrusted-input",
      says: /\/etc\/passwd, outside Vivarium's home/,
      hurt: () => qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", "disk0.qcow2", "1M"),
    },
    "built on a file outside the home, by a relative path": {
      code: "untrusted-input",
      says: /outside Vivarium's home/,
      hurt: () => qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "../../../../../etc/passwd", "disk0.qcow2", "1M"),
    },
    "built on a link that leads out of the home": {
      code: "untrusted-input",
      says: /outside Vivarium's home/,
      hurt: async () => {
        const link = join(home.machineFolder("hurt"), "base");
        await rm(link, { force: true });
        await symlink("/etc/passwd", link);
        await qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "base", "disk0.qcow2", "1M");
      },
    },
    "built on a network address": {
      code: "damaged",
      says: /not a plain file/,
      hurt: () => qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "nbd:127.0.0.1:10809", "disk0.qcow2", "1M"),
    },
    "built on a base that is missing": {
      code: "damaged",
      says: /gone\.qcow2 is missing/,
      hurt: () => qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "gone.qcow2", "disk0.qcow2", "1M"),
    },
    "built on itself, by way of another": {
      code: "damaged",
      says: /chain of overlays is longer/,
      hurt: async () => {
        await qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "disk0.qcow2", "circle.qcow2", "1M");
        await qemuImg("create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "circle.qcow2", "disk0.qcow2", "1M");
      },
    },
    "with its data in another file": {
      code: "untrusted-input",
      says: /keeps its data in another file/,
      hurt: async () => {
        await unlink(disk());
        await qemuImg("create", "-q", "-f", "qcow2", "-o", "data_file=secret.raw,data_file_raw=on", "disk0.qcow2", "1M");
      },
    },
  };

  for (const [what, { code, says, hurt }] of Object.entries(cases)) {
    it(`${what} is refused with the reason; nothing runs, and the machine starts when the file is back`, async () => {
      await hurt();
      await assert.rejects(client.call("machine.start", { machine: "hurt" }), (error: { code: string; message: string; hint?: string }) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, says);
        assert.ok(error.hint || code === "damaged");
        return true;
      });
      const shown = await client.call("machine.show", { machine: "hurt" });
      assert.equal(shown.state, "stopped");
      if (!/base that|itself|file of the host|file outside|link that/.test(what)) assert.match(shown.disks[0]?.problem ?? "", says);
      assert.deepEqual(await qemuPids(home.folder), []);
      assert.equal((await client.call("machine.show", { machine: "first" })).state, "stopped");
    });
  }

  it("that is whole again starts", async () => {
    const started = await client.call("machine.start", { machine: "hurt" });
    assert.equal(started.state, "running");
    await client.call("machine.kill", { machine: "hurt" });
  });

  it("named in vm.json as a device or a missing ISO is refused", async () => {
    await client.call("machine.set", { machine: "hurt", set: ['cdrom={"file":"gone.iso"}'] });
    await assert.rejects(client.call("machine.start", { machine: "hurt" }), { code: "damaged", message: /gone\.iso is missing/ });
    await client.call("machine.set", { machine: "hurt", set: ["cdrom="] });
    await client.call("machine.set", { machine: "hurt", set: ["disks.0.file=/dev/null", "disks.0.format=raw"] });
    await assert.rejects(client.call("machine.start", { machine: "hurt" }), { code: "damaged" });
    await client.call("machine.set", { machine: "hurt", set: ["disks.0.file=disk0.qcow2", "disks.0.format=qcow2"] });
  });

  it("that another program holds is not opened a second time, and is not harmed", async () => {
    await client.call("machine.start", { machine: "first" });
    const file = join(home.machineFolder("first"), "disk0.qcow2");
    await client.call("machine.set", { machine: "hurt", set: [`disks.0.file=${file}`] });
    await assert.rejects(client.call("machine.start", { machine: "hurt" }), {
      code: "qemu-crashed",
      message: /lock/,
      hint: /Another program/,
    });
    assert.equal((await client.call("machine.show", { machine: "hurt" })).state, "failed");
    assert.equal((await client.call("machine.show", { machine: "first" })).state, "running");
    assert.equal((await qemuPids(home.folder)).length, 1);
    await client.call("machine.kill", { machine: "first" });
    assert.ok((await stat(file)).size > 0);
  });

  async function qemuImg(...args: string[]): Promise<void> {
    const outcome = await runTool("qemu-img", args, home.machineFolder("hurt"));
    assert.equal(outcome.exitCode, 0, outcome.stderr);
  }
});

async function patch(file: string, offset: number, bytes: Buffer): Promise<void> {
  const handle = await open(file, "r+");
  await handle.write(bytes, 0, bytes.length, offset);
  await handle.close();
}
