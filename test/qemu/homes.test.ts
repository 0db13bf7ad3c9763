import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type VivClient } from "../../src/api/index.ts";
import { everything, qemuPids } from "../support/faults.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";

const mib = 1024 ** 2;

/** Homes that cannot be used: each says why and what to do, and nothing of Vivarium runs afterwards. */
describe("a home folder", function () {
  this.timeout(120_000);
  let parent: string;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "viv-"));
  });
  after(() => rm(parent, { recursive: true, force: true }));

  async function refused(home: string, expected: { code: string; message?: RegExp; hint: RegExp }): Promise<void> {
    const program = { executable: process.execPath, arguments: [join(checkout, "src", "daemon", "vivd.ts")] };
    await assert.rejects(connect({ home, program }), expected);
    await assert.rejects(stat(join(home, "run", "vivd.json")), (error: { code: string }) => ["ENOENT", "ENOTDIR"].includes(error.code));
  }

  it("that others can write is refused, with the command that closes it", async () => {
    const home = join(parent, "open");
    await mkdir(home);
    await chmod(home, 0o777);
    await refused(home, { code: "home-unusable", message: /written by other users/, hint: /chmod 700/ });
    assert.equal((await stat(home)).mode & 0o777, 0o777);
  });

  it("that others can only read is closed to them", async () => {
    const home = join(parent, "readable");
    await mkdir(home);
    await chmod(home, 0o755);
    const program = { executable: process.execPath, arguments: [join(checkout, "src", "daemon", "vivd.ts")] };
    const client = await connect({ home, program });
    assert.equal((await stat(home)).mode & 0o777, 0o700);
    await client.call("daemon.stop", {});
    await client.closed;
  });

  it("of another user is refused", async () => {
    requireRoot();
    const home = join(parent, "theirs");
    await mkdir(home);
    await chown(home, 12_345, 12_345);
    await refused(home, { code: "home-unusable", message: /belongs to another user \(uid 12345\)/, hint: /chown/ });
  });

  it("that is a file is refused", async () => {
    const home = join(parent, "file");
    await writeFile(home, "not a folder");
    await refused(home, { code: "home-unusable", hint: /VIVARIUM_HOME/ });
    assert.equal(await readFile(home, "utf8"), "not a folder");
  });

  it("with a file where a folder must be is refused", async () => {
    const home = join(parent, "odd");
    await mkdir(home, { mode: 0o700 });
    await writeFile(join(home, "machines"), "");
    await refused(home, { code: "home-unusable", message: /machines/, hint: /VIVARIUM_HOME/ });
  });

  it("with a path too long for sockets is refused, by how much, with a shorter one", async () => {
    const home = join(parent, "long", "x".repeat(90));
    await mkdir(home, { recursive: true });
    await refused(home, { code: "home-unusable", message: /too long for sockets by \d+ bytes/, hint: /VIVARIUM_HOME.*shorter/ });
  });
});

describe("a home on a full disk", function () {
  this.timeout(180_000);
  let disk: string;
  let home: TestHome;
  let client: VivClient;
  let imageBytes = 0;

  before(async () => {
    requireRoot();
    disk = await mkdtemp(join(tmpdir(), "viv-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", disk]);
    home = await testHome({ parent: disk });
    client = await home.client();
    imageBytes =
      (await client.call("image.list", {})).find((image) => image.name === "starter" && image.architecture === "x86_64")?.bytes ?? 0;
    assert.ok(imageBytes > mib);
  });
  after(async () => {
    await home?.dispose();
    if (disk === undefined) return;
    // Lazily: a killed QEMU may still be letting go of its files.
    execFileSync("umount", ["-l", disk]);
    await rm(disk, { recursive: true });
  });
  afterEach(() => rm(join(disk, "ballast"), { force: true }));

  /** Fills the disk but for so many bytes. */
  async function leave(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(disk);
    const content = Buffer.alloc(Math.max(0, bavail * bsize - bytes));
    await writeFile(join(disk, "ballast"), content).catch((error: { code: string }) => assert.equal(error.code, "ENOSPC"));
  }

  for (const part of [0, 0.0005, 0.01, 0.1, 0.5, 0.9]) {
    it(`with space for ${part * 100} % of the image: create says disk-full and leaves nothing behind`, async () => {
      const before = await everything(join(home.folder, "machines"));
      await leave(part * imageBytes);
      await assert.rejects(client.call("machine.create", { name: "full", image: "starter" }), {
        code: "disk-full",
        message: /./,
        hint: /Free some space/,
      });
      assert.deepEqual(await everything(join(home.folder, "machines")), before);
      assert.deepEqual(await readdir(join(home.folder, "images")), []);
      assert.deepEqual(await client.call("machine.list", {}), []);
    });
  }

  it("works again as soon as there is space; no service was lost", async () => {
    const pid = await home.vivdPid();
    await starterMachine(client, "works");
    assert.equal(await home.vivdPid(), pid);
  });

  for (const left of [0, 4096, 16_384, 300_000]) {
    it(`with the image already there and ${left} bytes left: create is whole or nothing`, async () => {
      await leave(left);
      const outcome = await client.call("machine.create", { name: "second", image: "starter" }).then(
        () => "made",
        (error: { code: string }) => error.code,
      );
      await rm(join(disk, "ballast"));
      const names = await readdir(join(home.folder, "machines"));
      if (outcome === "made") {
        assert.deepEqual(names.sort(), ["second", "works"]);
        assert.equal((await client.call("machine.show", { machine: "second" })).state, "stopped");
        await client.call("machine.remove", { machine: "second" });
        await client.call("machine.emptyTrash", {});
      } else {
        assert.equal(outcome, "disk-full");
        assert.deepEqual(names, ["works"]);
      }
    });
  }

  it("full: start says disk-full and nothing runs; set leaves the old vm.json; both work when there is space", async () => {
    const before = (await client.call("machine.definition", { machine: "works" })).text;
    await leave(0);
    await assert.rejects(client.call("machine.start", { machine: "works" }), { code: "disk-full", hint: /Free some space/ });
    assert.deepEqual(await qemuPids(home.folder), []);
    await assert.rejects(client.call("machine.set", { machine: "works", set: ["cpus=1"] }), { code: "disk-full" });
    await assert.rejects(client.call("machine.rename", { machine: "works", name: "moved" }), { code: "disk-full" });
    assert.equal((await client.call("machine.definition", { machine: "works" })).text, before);
    assert.equal((await client.call("machine.show", { machine: "works" })).state, "stopped");
    await rm(join(disk, "ballast"));
    assert.equal((await client.call("machine.start", { machine: "works" })).state, "running");
  });

  it("full: suspend says disk-full, the guest runs on, and the part that was saved is gone", async () => {
    await client.call("machine.wait", { machine: "works", for: "agent", timeoutMs: 120_000 });
    await leave(2 * mib);
    await assert.rejects(client.call("machine.suspend", { machine: "works" }), { code: "disk-full", hint: /Free some space/ });
    const shown = await client.call("machine.show", { machine: "works" });
    assert.equal(shown.state, "running");
    assert.equal(existsSync(join(home.machineFolder("works"), "suspend", "memory.part")), false);
    await client.call("machine.pause", { machine: "works" });
    await client.call("machine.resume", { machine: "works" });
  });

  it("full: a machine can still be killed and removed, and a new service says why it cannot start", async () => {
    await leave(0);
    await client.call("machine.kill", { machine: "works" }).catch((error: { code: string }) => assert.equal(error.code, "disk-full"));
    assert.deepEqual(await qemuPids(home.folder), []);
    await client.call("daemon.stop", {});
    await client.closed;
    await rm(join(disk, "ballast"));
    await leave(0);
    await assert.rejects(home.client(), { code: "disk-full", hint: /Free some space/ });
    await rm(join(disk, "ballast"));
    client = await home.client();
    const shown = await client.call("machine.show", { machine: "works" });
    assert.ok(["stopped", "failed"].includes(shown.state), shown.state);
    await client.call("machine.remove", { machine: "works" });
  });
});

/** These tests mount a small file system and give a folder away: a tier that cannot run fails. */
function requireRoot(): void {
  assert.equal(process.getuid?.(), 0, "this test mounts a file system: run it as root");
}
