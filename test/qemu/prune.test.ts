import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PruneItem, VivClient } from "../../src/api/index.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

describe("prune", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    // The tests' homes share their bundles by a link; this one has its own, the same files by other names.
    const shared = await readlink(join(home.folder, "bin"));
    await rm(join(home.folder, "bin"));
    await mkdir(join(home.folder, "bin"), { mode: 0o700 });
    for (const name of await readdir(shared)) execFileSync("cp", ["-al", join(shared, name), join(home.folder, "bin", name)]);
    client = await home.client();
  });
  after(() => home.dispose());

  const list = (machine?: string) => client.call("prune.list", machine === undefined ? {} : { machine });
  const kindsOf = (items: readonly PruneItem[]) => items.map(({ kind, name }) => `${kind} ${name}`).sort();

  /** Bytes of the home on the host, each file once. */
  function used(): number {
    return Number(execFileSync("du", ["-s", "--block-size=1", "--exclude=bin", home.folder]).toString().split("\t")[0]);
  }

  it("has nothing to say of a new home, and of a machine that is used", async () => {
    await starterMachine(client, "used");
    assert.deepEqual(await list(), []);
    assert.deepEqual(await client.call("prune.run", {}), { freedBytes: 0, items: [] });
  });

  it("says what each thing frees, and frees that: removed machines, snapshots and disks", async () => {
    await starterMachine(client, "gone");
    await writeFile(join(home.machineFolder("gone"), "ballast"), Buffer.alloc(3_000_000, 7));
    await client.call("machine.remove", { machine: "gone" });
    await client.call("disk.add", { machine: "used", id: "spare", size: "1G" });
    await client.call("disk.remove", { machine: "used", disk: "spare" });
    await client.call("snapshot.create", { machine: "used", name: "s1" });
    await client.call("snapshot.remove", { machine: "used", snapshot: "s1" });
    const items = await list();
    assert.deepEqual(kindsOf(items), ["disk used", "machine gone", "snapshot used"]);
    const machine = items.find(({ kind }) => kind === "machine");
    assert.ok((machine?.bytes ?? 0) > 3_000_000);
    assert.deepEqual(kindsOf(await list("used")), ["disk used", "snapshot used"]);

    const before = used();
    const only = await client.call("prune.run", { kinds: ["machine"] });
    assert.deepEqual([kindsOf(only.items), only.freedBytes], [["machine gone"], machine?.bytes]);
    assert.ok(Math.abs(before - used() - only.freedBytes) < 200_000, `${before - used()} against ${only.freedBytes}`);
    assert.deepEqual(await client.call("machine.trash", {}), []);
    const rest = await client.call("prune.run", { machine: "used" });
    assert.deepEqual(kindsOf(rest.items), ["disk used", "snapshot used"]);
    assert.deepEqual(await list(), []);
    assert.deepEqual(await readdir(join(home.machineFolder("used"), "layers")), []);
  });

  it("counts nothing for what a linked clone shares, and leaves the clone whole", async () => {
    await starterMachine(client, "first", { start: true });
    await guest(client, "first", "sh", "-c", "dd if=/dev/urandom of=/root/data bs=1M count=8 2>/dev/null; sync");
    const sum = await guest(client, "first", "sha256sum", "/root/data");
    await client.call("machine.stop", { machine: "first" });
    await client.call("machine.clone", { machine: "first", name: "second", linked: true });
    await client.call("machine.remove", { machine: "first" });
    const [item] = (await list()).filter(({ kind }) => kind === "machine");
    assert.ok((item?.bytes ?? 0) < 4_000_000, `${item?.bytes} bytes`);
    await client.call("prune.run", {});
    await client.call("machine.start", { machine: "second" });
    await client.call("machine.wait", { machine: "second", for: "agent", timeoutMs: 120_000 });
    assert.equal(await guest(client, "second", "sha256sum", "/root/data"), sum);
    await client.call("machine.stop", { machine: "second" });
  });

  it("keeps an image while any machine is built on it, one in the trash too", async () => {
    const images = join(home.folder, "images");
    const [image] = await readdir(images);
    assert.ok(image);
    assert.deepEqual(
      (await list()).filter(({ kind }) => kind === "image"),
      [],
    );
    for (const { name } of await client.call("machine.list", {})) await client.call("machine.remove", { machine: name });
    assert.deepEqual(
      (await list()).filter(({ kind }) => kind === "image"),
      [],
    );
    // With the machines its last need goes, in one run.
    const { items } = await client.call("prune.run", {});
    assert.ok(kindsOf(items).includes(`image ${image}`), kindsOf(items).join());
    assert.deepEqual(await readdir(images), []);
    await starterMachine(client, "again");
    assert.deepEqual(await list(), []);
  });

  it("keeps an old QEMU while a suspended machine or a snapshot's memory needs it", async () => {
    const bin = join(home.folder, "bin");
    for (const id of ["0ld0ld0ld0ld", "needed-by-suspended", "needed-by-snapshot"]) {
      await mkdir(join(bin, id));
      await writeFile(join(bin, id, "manifest.json"), "{}");
      await copyFile("/bin/true", join(bin, id, "qemu"));
    }
    await mkdir(join(bin, "vivd-copy"));
    await starterMachine(client, "held", { start: true });
    await client.call("snapshot.create", { machine: "held", name: "with-memory" });
    await client.call("machine.suspend", { machine: "held" });
    // As if earlier builds had saved them.
    const folder = home.machineFolder("held");
    const edit = async (file: string, to: string) => {
      const text = await readFile(join(folder, file), "utf8");
      await writeFile(join(folder, file), text.replaceAll(/"qemuId": "[^"]+"/g, `"qemuId": "${to}"`));
    };
    await edit("state.json", "needed-by-suspended");
    await edit("snapshots.json", "needed-by-snapshot");
    assert.deepEqual(kindsOf(await list()), ["bundle 0ld0ld0ld0ld"]);
    const { freedBytes } = await client.call("prune.run", {});
    assert.ok(freedBytes >= (await stat("/bin/true")).size);
    assert.deepEqual((await readdir(bin)).filter((name) => /^(0ld|needed|vivd-copy)/.test(name)).sort(), [
      "needed-by-snapshot",
      "needed-by-suspended",
      "vivd-copy",
    ]);
    await client.call("machine.remove", { machine: "held" });
    assert.deepEqual(
      kindsOf(await list()).filter((each) => each.startsWith("bundle")),
      [],
    );
    await client.call("prune.run", { kinds: ["machine"] });
    assert.deepEqual(
      kindsOf(await list()).filter((each) => each.startsWith("bundle")),
      ["bundle needed-by-snapshot", "bundle needed-by-suspended"],
    );
  });

  it("takes the first layer of a removed disk along with the last snapshot that needs it", async () => {
    await starterMachine(client, "base");
    await client.call("disk.add", { machine: "base", id: "data", size: "1G" });
    const file = join(home.machineFolder("base"), "data.qcow2");
    const own = join(home.machineFolder("base"), "own.qcow2");
    await copyFile(file, own);
    for (const name of ["s1", "s2"]) await client.call("snapshot.create", { machine: "base", name });
    await client.call("disk.remove", { machine: "base", disk: "data", delete: true });
    await client.call("snapshot.remove", { machine: "base", snapshot: "s1", now: true });
    assert.ok(existsSync(file), "s2 needs it");
    await client.call("snapshot.remove", { machine: "base", snapshot: "s2" });
    assert.ok(existsSync(file), "s2 can come back");
    await client.call("prune.run", { machine: "base" });
    assert.equal(existsSync(file), false);
    assert.deepEqual(await list("base"), []);
    // What lies beside it is nobody's business, and the first layer of a disk that is there stays.
    for (const kept of [own, join(home.machineFolder("base"), "disk0.qcow2")]) assert.ok(existsSync(kept), kept);
    const records = JSON.parse(await readFile(join(home.machineFolder("base"), "snapshots.json"), "utf8")) as { frozen: object };
    assert.equal("data.qcow2" in records.frozen, false);
  });

  it("finds what a crash left among the layers, and never touches what a record names", async () => {
    await starterMachine(client, "crashed");
    await client.call("snapshot.create", { machine: "crashed", name: "kept" });
    const layers = join(home.machineFolder("crashed"), "layers");
    const named = await readdir(layers);
    await copyFile(join(layers, named[0] ?? ""), join(layers, "disk0-abcdef.qcow2"));
    assert.deepEqual(kindsOf((await list()).filter(({ kind }) => kind === "leftover")), ["leftover crashed"]);
    await client.call("prune.run", { kinds: ["leftover"] });
    assert.deepEqual(await readdir(layers), named);
    assert.equal(existsSync(join(layers, "disk0-abcdef.qcow2")), false);
    assert.equal((await client.call("snapshot.list", { machine: "crashed" })).snapshots[0]?.problem, undefined);
  });
});
