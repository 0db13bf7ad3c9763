import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import type { DiskDetails, MachineDetails, SnapshotList, VivClient } from "../../../src/api/index.ts";

/** Runs inside a real extension host, against a real vivd with a home of its own (VIVARIUM_HOME). */

const run = <T>(command: string, ...args: unknown[]): Thenable<T> => vscode.commands.executeCommand<T>(`vivarium.${command}`, ...args);

describe("commands for disks, snapshots and images in the extension host", function () {
  this.timeout(180_000);
  let client: VivClient;
  let folder = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvd-"));
    assert.equal(await run("connectService"), "connected");
    const { connect } = await import("../../../src/api/index.ts");
    client = await connect({});
    await client.call("machine.create", { name: "lab", image: "starter", memory: "256M" });
  });
  after(async () => {
    client?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const disks = (): Promise<DiskDetails[]> => client.call("disk.list", { machine: "lab" });
  const list = (): Promise<SnapshotList> => client.call("snapshot.list", { machine: "lab", removed: true });
  const show = (machine: string): Promise<MachineDetails> => client.call("machine.show", { machine });
  const file = (name: string) => vscode.Uri.file(join(folder, name));

  it("add a disk, make it larger, limit, check and compact it", async () => {
    const added = await run<DiskDetails>("disk.add", "lab", "64M");
    assert.equal(added.virtualBytes, 64 * 1024 ** 2);
    await run("disk.resize", "lab", added.id, "96M");
    await run("disk.limit", "lab", added.id, { readBytesPerSecond: 1024 ** 2 });
    const now = (await disks()).find(({ id }) => id === added.id);
    assert.deepEqual([now?.virtualBytes, now?.limits.readBytesPerSecond], [96 * 1024 ** 2, 1024 ** 2]);
    assert.deepEqual(await run("disk.check", "lab", added.id), { sound: true, corruptions: 0, leaks: 0, repaired: false });
    assert.equal(typeof (await run("disk.compact", "lab", added.id)), "number");
    await run("disk.remove", "lab", added.id);
    assert.ok(!(await disks()).some(({ id }) => id === added.id));
  });

  it("put a CD in and take it out", async () => {
    await writeFile(file("cd.iso").fsPath, isoImage());
    await run("media.insert", "lab", file("cd.iso"));
    assert.equal((await client.call("media.show", { machine: "lab" })).file, file("cd.iso").fsPath);
    await run("media.eject", "lab");
    assert.equal((await client.call("media.show", { machine: "lab" })).file, null);
  });

  it("take a snapshot with a note, rename it, restore it", async () => {
    await run("snapshot.take", "lab", "first with a note");
    await run("snapshot.rename", "lab", "first", "begin");
    await run("snapshot.note", "lab", "begin", "another note");
    const [begin] = (await list()).snapshots;
    assert.deepEqual([begin?.name, begin?.note, begin?.consistency], ["begin", "another note", "stopped"]);
    await run("snapshot.restore", "lab", "begin");
    assert.equal((await list()).current, begin?.id);
  });

  it("check the files of snapshots: what they were, and what somebody changed", async () => {
    interface Checked {
      readonly sound: boolean;
      readonly files: readonly { readonly file: string; readonly verdict: string }[];
    }
    const [begin] = (await list()).snapshots;
    const before = await run<Checked>("snapshot.check", "lab");
    assert.ok(before.sound && before.files.length > 0, JSON.stringify(before));
    const layer = join(process.env["VIVARIUM_HOME"] ?? "", "machines", "lab", before.files[0]?.file ?? "");
    const { atime, mtime } = await stat(layer);
    const content = await readFile(layer);
    const changed = Buffer.from(content);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 0xff;
    await chmod(layer, 0o600);
    await writeFile(layer, changed);
    const after = await run<Checked>("snapshot.check", "lab", begin?.id);
    assert.deepEqual([after.sound, after.files.find(({ file }) => layer.endsWith(file))?.verdict], [false, "altered"]);
    await writeFile(layer, content);
    await utimes(layer, atime, mtime);
    await chmod(layer, 0o444);
    assert.equal((await run<Checked>("snapshot.check", "lab")).sound, true);
  });

  it("remove one, bring it back by its id", async () => {
    await run("snapshot.take", "lab", "second");
    const second = (await list()).snapshots.find(({ name }) => name === "second");
    await run("snapshot.remove", "lab", "second");
    assert.notEqual((await list()).snapshots.find(({ id }) => id === second?.id)?.removedAt, null);
    await run("snapshot.undoRemove", "lab", second?.id);
    assert.equal((await list()).snapshots.find(({ id }) => id === second?.id)?.removedAt, null);
  });

  it("make machines of a snapshot and of the machine, linked and full", async () => {
    await run("snapshot.restoreInto", "lab", "begin", "again");
    await run("clone", "lab", "twin", true);
    await run("snapshot.clone", "lab", "begin", "copy", false);
    for (const name of ["again", "twin", "copy"]) assert.notEqual((await show(name)).state, "damaged", name);
  });

  it("export a disk, look into it, convert, check and import it", async () => {
    const exported = await run<{ file: string; bytes: number }>("export", "lab", file("lab.qcow2"));
    assert.equal(exported.bytes, (await stat(exported.file)).size);
    assert.equal((await client.call("image.inspect", { file: exported.file })).format, "qcow2");
    await run("image.convert", file("lab.qcow2"), file("lab.vmdk"));
    assert.equal((await readFile(file("lab.vmdk").fsPath)).subarray(0, 4).toString("latin1"), "KDMV");
    assert.deepEqual(await run("image.check", file("lab.qcow2")), { sound: true, corruptions: 0, leaks: 0 });
    const imported = await run<{ name: string }>("import", file("lab.vmdk"), "from-vmdk");
    assert.equal((await show(imported.name)).disks[0]?.format, "qcow2");
  });

  it("write a whole machine as OVA and take it in again", async () => {
    // The starter guest's kernel is not on its disk: no other hypervisor could boot it.
    await client.call("machine.create", { name: "bare", memory: "128M", disk: "64M" });
    await run("snapshot.take", "bare", "begin");
    await run("snapshot.export", "bare", "begin", file("bare.ova"));
    const imported = await run<{ name: string }>("import", file("bare.ova"), "from-ova");
    assert.equal((await show(imported.name)).state, "stopped");
  });

  it("open the panel and an image as tabs", async () => {
    await run("openSnapshots", "lab");
    await tabIs(({ label }) => label === "lab – Snapshots");
    await run("openImage", file("lab.qcow2"));
    await tabIs(({ input }) => input instanceof vscode.TabInputCustom && input.viewType === "vivarium.image");
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });
});

/** The extension host hears of tabs a moment after they are there. */
async function tabIs(fits: (tab: vscode.Tab) => boolean): Promise<void> {
  const tab = () => vscode.window.tabGroups.activeTabGroup.activeTab;
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    const now = tab();
    if (now && fits(now)) return;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  assert.fail(`the tab is ${tab()?.label}`);
}

/** The least that is an ISO 9660 image: a primary volume descriptor in sector 16 and a terminator (ECMA-119 §8). */
function isoImage(): Buffer {
  const image = Buffer.alloc(20 * 2048);
  image.write("\u0001CD001\u0001", 16 * 2048, "latin1");
  image.write("LAB".padEnd(32), 16 * 2048 + 40, "latin1");
  image.writeUInt32LE(20, 16 * 2048 + 80);
  image.writeUInt32BE(20, 16 * 2048 + 84);
  image.writeUInt16LE(2048, 16 * 2048 + 128);
  image.write("\u00ffCD001\u0001", 17 * 2048, "latin1");
  return image;
}
