import assert from "node:assert/strict";
import { chmod, copyFile, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SnapshotList, VivClient, VivEvent } from "../../src/api/index.ts";
import { codeOf, untilState } from "../support/faults.ts";
import { driversLoaded, guest, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { allLayersAreClean, until } from "../support/snapshots.ts";

/** Snapshots with a real guest: what it wrote, what it has in memory, and the tree around it. */
describe("snapshots", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;
  const notices: Extract<VivEvent, { event: "machine.notice" }>[] = [];

  before(async () => {
    home = await testHome();
    client = await home.client();
    client.onEvent((event) => void (event.event === "machine.notice" && notices.push(event)));
    await starterMachine(client, "live", { start: true });
    await driversLoaded(client, "live");
  });
  after(() => home.dispose());

  const shell = (script: string) => guest(client, "live", "sh", "-c", script);
  const list = (removed = false): Promise<SnapshotList> => client.call("snapshot.list", { machine: "live", removed });
  const names = async () => (await list()).snapshots.map(({ name }) => name);
  const create = (name: string, more: { memory?: boolean; quiesce?: boolean; note?: string } = {}) =>
    client.call("snapshot.create", { machine: "live", name, ...more });
  const restore = (snapshot: string, more: { safety?: boolean; start?: boolean } = {}) =>
    client.call("snapshot.restore", { machine: "live", snapshot, ...more });
  const folder = () => home.machineFolder("live");

  it("with memory: the guest goes on, and stood still for tens of milliseconds", async () => {
    await shell(
      "echo one > /root/disk && sync; echo one > /tmp/memory; (while :; do echo >> /tmp/ticks; sleep 0.1; done) > /dev/null 2>&1 &",
    );
    const paused: number[] = [];
    for (const name of ["one", "again", "third"]) {
      const view = await create(name, { memory: true, note: "with memory" });
      assert.equal(view.consistency, "memory");
      assert.ok(view.memoryBytes !== null && view.memoryBytes > 1_000_000);
      paused.push(view.pausedMs ?? Number.NaN);
    }
    console.log(`      STOP → RESUME: ${paused.join(", ")} ms`);
    assert.ok(Math.min(...paused) <= 60, `the guest stood still for ${paused.join(", ")} ms`);
    assert.equal((await client.call("machine.show", { machine: "live" })).state, "running");
    const ticks = Number(await shell("wc -l < /tmp/ticks"));
    await until("the guest's loop goes on", async () => Number(await shell("wc -l < /tmp/ticks")) > ticks);
  });

  it("of disks alone: the agent brings the file systems to rest, and they run on", async () => {
    const quiet = await create("quiet", { memory: false });
    assert.equal(quiet.consistency, "quiesced");
    assert.equal(quiet.memoryBytes, null);
    assert.equal((await create("hard", { memory: false, quiesce: false })).consistency, "crash-consistent");
    await shell("echo two > /root/disk && sync");
    assert.equal(await shell("cat /root/disk"), "two");
  });

  it("is in the list, in `show`, and known by what it grew from", async () => {
    const { snapshots, current, memoryBlocked } = await list();
    assert.deepEqual(
      snapshots.map(({ name }) => name),
      ["one", "again", "third", "quiet", "hard"],
    );
    assert.deepEqual(
      snapshots.map(({ parent }) => parent),
      [null, ...snapshots.slice(0, -1).map(({ id }) => id)],
    );
    assert.equal(current, snapshots.at(-1)?.id);
    assert.deepEqual(memoryBlocked, []);
    const shown = await client.call("machine.show", { machine: "live" });
    assert.deepEqual(shown.snapshots, snapshots);
  });

  it("restored: memory and disks of one moment, the clock right, the present kept", async () => {
    await shell("echo three > /tmp/memory");
    const started = performance.now();
    const { safety } = await restore("one");
    const ms = Math.round(performance.now() - started);
    console.log(`      restore of 256 MiB with the present kept: ${ms} ms`);
    assert.equal(await shell("cat /root/disk /tmp/memory"), "one\none");
    const offset = await until("the clock is set", async () => {
      const behind = Math.abs(Number(await shell("date +%s")) - Date.now() / 1000);
      return behind < 2 && behind + 1;
    });
    assert.ok(offset < 3);
    assert.equal(safety, "before-restore-1");
    await restore("before-restore-1", { safety: false });
    assert.equal(await shell("cat /root/disk /tmp/memory"), "two\nthree");
  });

  it("restored when stopped, twice: the second time there is nothing to keep", async () => {
    await shell("echo unsaved > /root/unsaved && sync");
    await client.call("machine.kill", { machine: "live" });
    assert.equal((await restore("quiet")).safety, "before-restore-2");
    assert.equal((await client.call("machine.show", { machine: "live" })).state, "stopped");
    assert.equal((await restore("hard")).safety, null);
    assert.equal((await restore("one", { start: false })).safety, null);
    assert.equal((await client.call("machine.show", { machine: "live" })).state, "suspended");
  });

  it("of a suspended machine: its memory is the snapshot's too", async () => {
    const view = await create("asleep");
    assert.equal(view.consistency, "memory");
    await client.call("machine.start", { machine: "live" });
    await shell("echo four > /tmp/memory");
    await client.call("machine.suspend", { machine: "live" });
    const own = await create("asleep-again");
    assert.equal(own.consistency, "memory");
    await restore("asleep");
    assert.equal(await shell("cat /tmp/memory"), "one");
    await restore("asleep-again", { safety: false });
    assert.equal(await shell("cat /tmp/memory"), "four");
  });

  it("with the definition of that moment; name, note and group stay", async () => {
    await client.call("machine.set", { machine: "live", set: ["cpus=3", "note=mine", "group=g"] });
    await restore("one");
    const shown = await client.call("machine.show", { machine: "live" });
    assert.equal(shown.group, "g");
    assert.equal(shown.note, "mine");
    const { definition } = await client.call("snapshot.compare", { machine: "live", left: "one" });
    assert.deepEqual(
      definition.map(({ path }) => path),
      ["group", "note"],
    );
    assert.doesNotMatch((await client.call("machine.definition", { machine: "live" })).text, /"cpus": 3/);
  });

  it("renamed and noted; a name that is taken or hostile is refused", async () => {
    const edited = await client.call("snapshot.edit", { machine: "live", snapshot: "again", name: "second", note: "" });
    assert.equal(edited.name, "second");
    assert.equal(edited.note, undefined);
    for (const name of ["", "../x", "a b", "-x", "a/b", "x".repeat(64), "ä", "a\n"])
      assert.ok(["invalid-name", "usage"].includes(String(await codeOf(create(name)))), name);
    assert.equal(await codeOf(create("one")), "exists");
    assert.equal(await codeOf(client.call("snapshot.edit", { machine: "live", snapshot: "second", name: "one" })), "exists");
    assert.equal(await codeOf(restore("nowhere")), "not-found");
  });

  it("removed: out of sight, and back", async () => {
    const before = await names();
    const removed = await client.call("snapshot.remove", { machine: "live", snapshot: "second" });
    assert.deepEqual(removed.removed, ["second"]);
    assert.ok(removed.reclaimableBytes > 1_000_000);
    assert.deepEqual(
      await names(),
      before.filter((name) => name !== "second"),
    );
    assert.equal(await codeOf(restore("second")), "not-found");
    await client.call("snapshot.restoreRemoved", { machine: "live", snapshot: "second" });
    assert.deepEqual(await names(), before);
  });

  it("an inner one deleted for good while the guest writes: layers are merged, nothing is lost", async () => {
    await shell("dd if=/dev/urandom of=/root/blob bs=64k count=64 2>/dev/null; sync; sha256sum < /root/blob > /root/sum");
    await create("blob", { memory: false });
    await shell("(while :; do dd if=/dev/urandom of=/root/churn bs=64k count=8 conv=fsync 2>/dev/null; done) > /dev/null 2>&1 &");
    for (const name of ["second", "third", "hard"]) await client.call("snapshot.remove", { machine: "live", snapshot: name, now: true });
    assert.equal(await shell("sha256sum < /root/blob | cmp - /root/sum && echo same"), "same");
    await allLayersAreClean(home, "live");
    const { snapshots } = await list(true);
    assert.ok(snapshots.every(({ name, problem }) => !["second", "third", "hard"].includes(name) && problem === undefined));
    await restore("quiet", { safety: false, start: true });
    await client.call("machine.wait", { machine: "live", for: "agent", timeoutMs: 120_000 });
    assert.equal(await shell("cat /root/disk; test -e /root/blob || echo none"), "one\nnone");
    await restore("blob", { safety: false });
    await client.call("machine.wait", { machine: "live", for: "agent", timeoutMs: 120_000 });
    assert.equal(await shell("sha256sum < /root/blob | cmp - /root/sum && echo same"), "same");
  });

  it("a whole branch deleted, then everything: one layer is left, with the present in it", async () => {
    const { snapshots } = await list();
    const result = await client.call("snapshot.remove", { machine: "live", snapshot: snapshots[0]?.name ?? "", branch: true, now: true });
    assert.ok(result.removed.length > 2 && result.freedBytes > 1_000_000);
    assert.deepEqual(await names(), []);
    assert.equal(await shell("sha256sum < /root/blob | cmp - /root/sum && echo same"), "same");
    assert.deepEqual(await readdir(join(folder(), "layers")), []);
    assert.deepEqual(await readdir(join(folder(), "snapshots")), []);
    await client.call("machine.stop", { machine: "live", acpiTimeoutMs: 60_000 });
    await allLayersAreClean(home, "live");
    await client.call("machine.start", { machine: "live" });
    await client.call("machine.wait", { machine: "live", for: "agent", timeoutMs: 120_000 });
    assert.equal(await shell("sha256sum < /root/blob | cmp - /root/sum && echo same"), "same");
  });

  describe("on files that were harmed: refused before anything changes", () => {
    const harms: Record<string, { says: RegExp; harm: (file: string) => Promise<void>; of: "layer" | "memory" }> = {
      "a layer that is missing": { says: /is missing/, of: "layer", harm: (file) => rm(file) },
      "a layer that was cut off": { says: /cut off|bytes instead/, of: "layer", harm: (file) => truncate(file, 100_000) },
      "a layer whose head was written to": {
        says: /was changed since/,
        of: "layer",
        harm: async (file) => {
          const content = await readFile(file);
          content[60_000] = 1;
          await writeFile(file, content);
        },
      },
      "memory that is missing": { says: /memory is missing/, of: "memory", harm: (file) => rm(file) },
      "memory that was cut off": { says: /bytes instead of/, of: "memory", harm: (file) => truncate(file, 1_000_000) },
    };

    it("each kind of harm", async () => {
      const made = await create("harmed", { memory: true });
      const record = (JSON.parse(await readFile(join(folder(), "snapshots.json"), "utf8")) as { snapshots: Record<string, unknown>[] })
        .snapshots[0];
      const files = { layer: Object.values(record?.["layers"] as Record<string, string>)[0] ?? "", memory: `snapshots/${made.id}/memory` };
      await client.call("machine.kill", { machine: "live" });
      for (const [title, { says, harm, of }] of Object.entries(harms)) {
        const file = join(folder(), files[of]);
        // The file itself is put back later, with its times: a copy of it would be another until its content is known.
        await rename(file, `${folder()}/kept`);
        await copyFile(`${folder()}/kept`, file);
        await chmod(file, 0o600);
        await harm(file);
        const before = await readFile(join(folder(), "snapshots.json"), "utf8");
        const error = await restore("harmed").then(
          () => undefined,
          (thrown: { code?: string; message: string }) => thrown,
        );
        assert.equal(error?.code, "damaged", `${title}: ${error?.message}`);
        assert.match(error?.message ?? "", says, `${title}: ${error?.message}`);
        assert.equal(await readFile(join(folder(), "snapshots.json"), "utf8"), before, title);
        assert.match((await list()).snapshots[0]?.problem ?? "", says, title);
        await rm(file, { force: true });
        await rename(`${folder()}/kept`, file);
      }
      await restore("harmed", { safety: false });
      await untilState(client, "live", ["running"]);
      assert.equal(await shell("sha256sum < /root/blob | cmp - /root/sum && echo same"), "same");
    });
  });
});
