import assert from "node:assert/strict";
import { chmod, copyFile, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Result, VivClient } from "../../src/api/index.ts";
import { codeOf, killVivd, show, until } from "../support/faults.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { addLeak } from "../support/qcow2Leak.ts";
import { blocks, emptyMachine, WrittenDisk } from "../support/snapshotWalk.ts";
import { runTool } from "../support/tools.ts";

/** Files of snapshots that somebody else changed: noticed before a restore changes anything, however little was changed. */
describe("files of snapshots", function () {
  this.timeout(120_000);
  const machine = "kept";
  let home: TestHome;
  let client: VivClient;
  let disk: WrittenDisk;
  let layer: string;
  let memory: string;
  const first = Array.from({ length: blocks }, (_, block) => (block < 8 ? block + 1 : 0));

  before(async () => {
    home = await testHome();
    client = await home.client();
    await emptyMachine(client, machine);
    disk = new WrittenDisk(home, machine);
    for (let block = 0; block < 8; block += 1) await disk.write(await show(client, machine), block, block + 1);
    await client.call("machine.start", { machine });
    const { id } = await client.call("snapshot.create", { machine, name: "first", memory: true });
    layer = (await disk.records()).snapshots[0]?.layers["disk0"] ?? "";
    memory = `snapshots/${id}/memory`;
  });
  after(() => home.dispose());

  const path = (file: string) => join(home.machineFolder(machine), file);
  const check = (more: { quick?: boolean; accept?: boolean } = {}) => client.call("snapshot.check", { machine, ...more });
  const verdicts = ({ files }: Result<"snapshot.check">) => Object.fromEntries(files.map(({ file, verdict }) => [file, verdict]));
  const hashes = async () =>
    Object.keys((JSON.parse(await readFile(path("hashes.json"), "utf8").catch(() => '{"files":{}}')) as { files: object }).files);

  async function changeByte(file: string, at: number, options: { keepTime?: boolean } = {}): Promise<void> {
    const { atime, mtime } = await stat(path(file));
    await chmod(path(file), 0o600);
    const handle = await open(path(file), "r+");
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 0xff;
    await handle.write(byte, 0, 1, at);
    await handle.close();
    if (options.keepTime) await utimes(path(file), atime, mtime);
    await chmod(path(file), 0o444);
  }

  /** Refused, with the file's name; everything as it was. */
  async function refused(says: RegExp): Promise<void> {
    const [before, state] = [await readFile(path("snapshots.json"), "utf8"), await show(client, machine)];
    const error = await client.call("snapshot.restore", { machine, snapshot: "first" }).then(
      () => undefined,
      (thrown: { code?: string; message: string; hint?: string }) => thrown,
    );
    assert.equal(error?.code, "damaged");
    assert.match(error?.message ?? "", says);
    assert.match(error?.hint ?? "", /Nothing was changed.*viv snapshot check/);
    assert.equal(await readFile(path("snapshots.json"), "utf8"), before);
    const now = await show(client, machine);
    assert.deepEqual([now.state, now.pid], [state.state, state.pid]);
    assert.match((await client.call("snapshot.list", { machine })).snapshots[0]?.problem ?? "", says);
    assert.equal(await codeOf(client.call("snapshot.restore", { machine, snapshot: "first", into: "other" })), "damaged");
  }

  async function restored(): Promise<void> {
    await client.call("snapshot.restore", { machine, snapshot: "first", safety: false });
    disk.forgetProcess();
    assert.deepEqual(await disk.present(await show(client, machine)), first);
  }

  it("changed in the middle before its content was known: the time of the change tells; taken as it is when a person says so", async () => {
    assert.equal((await client.call("snapshot.list", { machine })).snapshots[0]?.problem, undefined);
    await rm(path("hashes.json"), { force: true });
    await changeByte(memory, 5_000_000);
    await refused(/memory was changed since it was frozen/);
    assert.equal(verdicts(await check({ quick: true }))[memory], "altered");
    await changeByte(memory, 5_000_000);
    const accepted = await check({ accept: true });
    assert.ok(accepted.sound, JSON.stringify(accepted));
    await restored();
  });

  it("are read in the background, by the next service too, and known byte for byte then", async () => {
    await rm(path("hashes.json"), { force: true });
    assert.deepEqual(new Set(Object.values(verdicts(await check({ quick: true })))), new Set(["unread"]));
    await killVivd(home);
    client = await home.client();
    await until(
      "both files are known",
      async () =>
        [layer, memory].every(
          (
            (known) => (file) =>
              known.includes(file)
          )(await hashes()),
        ),
      90_000,
    );
    assert.deepEqual(verdicts(await check()), { [layer]: "right", [memory]: "right" });
  });

  for (const keepTime of [false, true])
    for (const what of ["layer", "memory"] as const)
      it(`one byte of ${what} changed${keepTime ? ", its time set back" : ""}: refused; brought back: restored`, async () => {
        const file = what === "layer" ? layer : memory;
        const at = Math.floor((await stat(path(file))).size / 2);
        await changeByte(file, at, { keepTime });
        await refused(/was changed since it was frozen/);
        const found = await check();
        assert.deepEqual([found.sound, verdicts(found)[file]], [false, "altered"]);
        await changeByte(file, at, { keepTime });
        assert.ok((await check()).sound);
        await restored();
      });

  it("copied with the folder: other inodes and times, the same bytes; read once, and known again", async () => {
    for (const file of [layer, memory]) {
      await copyFile(path(file), path("copy"));
      await rm(path(file));
      await rename(path("copy"), path(file));
    }
    assert.deepEqual(new Set(Object.values(verdicts(await check({ quick: true })))), new Set(["unread"]));
    await restored();
    assert.deepEqual(verdicts(await check({ quick: true })), { [layer]: "right", [memory]: "right" });
  });

  it("shared with a linked clone: links of ours are no change", async () => {
    await client.call("machine.clone", { machine, name: "twin", linked: true });
    assert.deepEqual(verdicts(await check({ quick: true })), { [layer]: "right", [memory]: "right" });
    const made = await client.call("snapshot.restore", { machine, snapshot: "first", into: "third", start: false });
    assert.equal(made.machine, "third");
    assert.deepEqual(verdicts(await check({ quick: true })), { [layer]: "right", [memory]: "right" });
  });

  it("missing: each is named", async () => {
    for (const file of [layer, memory]) {
      await rename(path(file), path("away"));
      await refused(/is missing/);
      const found = await check();
      assert.deepEqual([found.sound, verdicts(found)[file]], [false, "missing"]);
      await rename(path("away"), path(file));
    }
    await restored();
  });

  it("repaired by us: known anew by what they are then; one that somebody had changed before stays refused", async () => {
    const name = "mended";
    await emptyMachine(client, name);
    const own = new WrittenDisk(home, name);
    for (let block = 0; block < 8; block += 1) await own.write(await show(client, name), block, block + 1);
    const file = join(home.machineFolder(name), "disk0.qcow2");
    await addLeak(file);
    await client.call("snapshot.create", { machine: name, name: "leaky" });
    const repair = () => client.call("disk.check", { machine: name, disk: "disk0", repair: "leaks" });
    const standing = async () => (await client.call("snapshot.check", { machine: name })).files.map((each) => each.verdict);
    // Read for the first time: its content is known from here.
    assert.deepEqual(await standing(), ["recorded"]);
    const before = await stat(file);
    const repaired = await repair();
    assert.deepEqual([repaired.repaired, repaired.leaks], [true, 0]);
    assert.notEqual((await stat(file)).mtimeMs, before.mtimeMs);
    assert.equal((await stat(file)).mode & 0o222, 0, "it can be written");
    assert.deepEqual(await standing(), ["recorded"]);
    await client.call("snapshot.restore", { machine: name, snapshot: "leaky", safety: false });
    assert.deepEqual(await own.present(await show(client, name)), first);
    await chmod(file, 0o600);
    await addLeak(file);
    await chmod(file, 0o444);
    assert.equal((await repair()).repaired, true);
    assert.deepEqual(await standing(), ["altered"]);
    assert.equal(await codeOf(client.call("snapshot.restore", { machine: name, snapshot: "leaky", safety: false })), "damaged");
  });

  it("of the TPM: missing or changed", async () => {
    const name = "sealed";
    await client.call("machine.create", {
      name,
      memory: "64M",
      disk: "2M",
      set: ["display.type=none", "devices.tpm=true", "networks=[]"],
    });
    await client.call("machine.start", { machine: name });
    const { id } = await client.call("snapshot.create", { machine: name, name: "one" });
    await client.call("machine.kill", { machine: name });
    const tpm = join(home.machineFolder(name), "snapshots", id, "tpm");
    const [state = ""] = await readdir(tpm);
    const outcome = () => codeOf(client.call("snapshot.restore", { machine: name, snapshot: "one", safety: false, start: false }));
    await rename(join(tpm, state), join(tpm, "..", "state"));
    assert.equal(await outcome(), "damaged");
    await rename(tpm, `${tpm}-away`);
    assert.equal(await outcome(), "damaged");
    await rename(`${tpm}-away`, tpm);
    await rename(join(tpm, "..", "state"), join(tpm, state));
    assert.equal(await outcome(), undefined);
  });

  it("an image of the store that a layer stands on is missing", async () => {
    const name = "on-image";
    await emptyMachine(client, name);
    const base = join(home.folder, "images", "base.qcow2");
    const made = await runTool("qemu-img", ["create", "-q", "-f", "qcow2", base, "2M"], home.folder);
    const onto = ["-f", "qcow2", "-F", "qcow2", "-b", "../../images/base.qcow2", "disk0.qcow2"];
    const laid = await runTool("qemu-img", ["create", "-q", ...onto], home.machineFolder(name));
    assert.deepEqual([made.exitCode, laid.exitCode], [0, 0]);
    await client.call("snapshot.create", { machine: name, name: "one" });
    await rm(base);
    const error = await client.call("snapshot.restore", { machine: name, snapshot: "one" }).catch((thrown: Error) => thrown);
    assert.match(String((error as Error).message), /disk0.qcow2 stands on .*base.qcow2, which is missing/);
  });
});
