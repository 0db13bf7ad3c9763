import assert from "node:assert/strict";
import { running, stopped } from "../cli/support/machines.ts";
import { disk, snapshot, snapshotList } from "../cli/support/storage.ts";
import { stub } from "./support/load.ts";
import { editorWith, FakeService } from "./support/service.ts";

const { takeSnapshot, takeDisksOnly } = await import("../../../src/commands/snapshots/take.ts");
const { restoreSnapshot } = await import("../../../src/commands/snapshots/restore.ts");
const { emptySnapshots, removeSnapshot, undoRemoveSnapshot } = await import("../../../src/commands/snapshots/remove.ts");
const { nameAndNote, snapshotNameProblem, suggestSnapshotName } = await import("../../../src/commands/snapshots/name.ts");
const { cloneMachine } = await import("../../../src/commands/transfer/clone.ts");
const { prune } = await import("../../../src/commands/transfer/prune.ts");
const { removeDisk } = await import("../../../src/commands/disks/change.ts");
const { ejectMedia } = await import("../../../src/commands/disks/media.ts");

async function workWith(service: FakeService) {
  const editor = await editorWith(service);
  service.asked.length = 0;
  return { editor, view: { filter: "", reveal: async () => undefined, refresh: () => undefined, dispose: () => undefined } };
}

const shownTexts = (kind: string): string[] => stub.shown.filter((one) => one.kind === kind).map(({ text }) => text);
const changes = (service: FakeService): unknown[] =>
  service.asked.filter(({ method }) => !/\.(list|show)$/.test(method)).map(({ method, params }) => [method, params]);

describe("taking a snapshot", () => {
  afterEach(() => stub.reset());

  it("asks once: a name, and after a space a note", async () => {
    const service = new FakeService([running("hello")], { "snapshot.list": () => snapshotList(), "snapshot.create": () => snapshot("s1") });
    stub.answers.set("Take a Snapshot of hello", "before-upgrade kernel 6.12");
    await takeSnapshot(await workWith(service), "hello");
    assert.deepEqual(changes(service), [["snapshot.create", { machine: "id-of-hello", name: "before-upgrade", note: "kernel 6.12" }]]);
    const input = stub.shown.find(({ kind }) => kind === "input")?.details as {
      value: string;
      prompt: string;
      validateInput(text: string): unknown;
    };
    assert.equal(input.value, "s1");
    assert.match(input.prompt, /^Memory and disks are kept; the guest runs on\./);
    assert.equal(input.validateInput("work again"), "There is a snapshot “work” already.");
    assert.equal(input.validateInput("work2 again"), undefined);
  });

  it("says before why memory cannot be kept, and takes the disks", async () => {
    const list = snapshotList({ memoryBlocked: ["WHPX cannot save memory"] });
    const service = new FakeService([running("hello")], { "snapshot.list": () => list, "snapshot.create": () => snapshot("s1") });
    stub.answers.set("Take a Snapshot of hello", "s1");
    await takeSnapshot(await workWith(service), "hello");
    assert.match((stub.shown[0]!.details as { prompt: string }).prompt, /^Disks only, because WHPX cannot save memory\. /);
    assert.deepEqual(changes(service), [["snapshot.create", { machine: "id-of-hello", name: "s1", memory: false }]]);
  });

  it("leaves the memory of a machine that is off alone", async () => {
    const service = new FakeService([stopped("hello")], { "snapshot.list": () => snapshotList(), "snapshot.create": () => snapshot("s1") });
    await takeDisksOnly(await workWith(service), "hello", "s1");
    assert.deepEqual(changes(service), [["snapshot.create", { machine: "id-of-hello", name: "s1" }]]);
  });

  it("suggests the next free name, and knows what is none", () => {
    assert.equal(suggestSnapshotName([snapshot("s1"), snapshot("s2", { removedAt: "x" }), snapshot("s3")]), "s2");
    assert.deepEqual(nameAndNote("  a   b  c "), { name: "a", note: "b c" });
    for (const bad of ["", "-a", "a/b", "ä", "a".repeat(64)]) assert.match(snapshotNameProblem(bad, new Set()) ?? "", /^Begin with/, bad);
  });
});

describe("restoring a snapshot", () => {
  afterEach(() => stub.reset());

  it("asks nothing, says what was kept, and goes back on Undo Restore", async () => {
    const service = new FakeService([running("hello")], {
      "snapshot.list": () => snapshotList(),
      "snapshot.restore": () => ({ machine: "hello", safety: "auto-1" }),
    });
    stub.answers.set("hello is back at base. What it was before is kept in the snapshot auto-1.", "Undo Restore");
    await restoreSnapshot(await workWith(service), "hello", "base");
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(shownTexts("warning"), []);
    assert.deepEqual(changes(service), [
      ["snapshot.restore", { machine: "id-of-hello", snapshot: "id-of-base" }],
      ["snapshot.restore", { machine: "id-of-hello", snapshot: "auto-1" }],
    ]);
  });

  it("asks from the palette for the machine, then for the snapshot with the newest first", async () => {
    const service = new FakeService([running("hello"), stopped("web")], {
      "snapshot.list": () => snapshotList(),
      "snapshot.restore": () => ({ machine: "hello", safety: null }),
    });
    let offered: string[] = [];
    stub.answers.set("Snapshot to restore", (items: { label: string; machine?: unknown; snapshot?: unknown }[]) => {
      if (items[0]?.snapshot !== undefined) offered = items.map(({ label }) => label);
      return items[0];
    });
    await restoreSnapshot(await workWith(service));
    assert.deepEqual(offered, ["work", "trial", "base"]);
    assert.deepEqual(changes(service), [["snapshot.restore", { machine: "id-of-hello", snapshot: "id-of-work" }]]);
  });

  it("says so when there is no such snapshot, or none at all", async () => {
    const service = new FakeService([stopped("hello")], { "snapshot.list": () => snapshotList({ snapshots: [] }) });
    const work = await workWith(service);
    await restoreSnapshot(work, "hello", "nothing");
    await restoreSnapshot(work, "hello");
    assert.deepEqual(
      [shownTexts("error"), shownTexts("information")],
      [["There is no snapshot “nothing”."], ["hello has no snapshot yet."]],
    );
  });
});

describe("removing snapshots", () => {
  afterEach(() => stub.reset());

  const service = () =>
    new FakeService([stopped("hello")], {
      "snapshot.list": () => snapshotList(),
      "snapshot.remove": () => ({ removed: ["id-of-base", "id-of-trial"], freedBytes: 0, reclaimableBytes: 1024 ** 2 }),
      "snapshot.restoreRemoved": () => snapshot("base"),
      "snapshot.empty": () => ({ freedBytes: 1024 ** 2 }),
    });

  it("asks nothing, says what emptying frees, and brings all of them back on Undo", async () => {
    const fake = service();
    stub.answers.set("2 snapshots removed. Emptying frees 1 MiB.", "Undo");
    await removeSnapshot(await workWith(fake), { kind: "snapshot", machine: "id-of-hello", snapshot: snapshot("base") });
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(shownTexts("warning"), []);
    assert.deepEqual(changes(fake), [
      ["snapshot.remove", { machine: "id-of-hello", snapshot: "id-of-base", branch: false }],
      ["snapshot.restoreRemoved", { machine: "id-of-hello", snapshot: "id-of-base" }],
      ["snapshot.restoreRemoved", { machine: "id-of-hello", snapshot: "id-of-trial" }],
    ]);
  });

  it("removes every selected row", async () => {
    const fake = service();
    const rows = ["base", "trial"].map((name) => ({ kind: "snapshot", machine: "id-of-hello", snapshot: snapshot(name) }));
    const work = await workWith(fake);
    await removeSnapshot(work, rows[0], rows);
    assert.deepEqual(
      fake.asked.flatMap(({ method, params }) => (method === "snapshot.remove" ? [params["snapshot"]] : [])),
      ["id-of-base", "id-of-trial"],
    );
  });

  it("offers only removed ones to bring back", async () => {
    const fake = service();
    stub.answers.set("Removed snapshot to bring back", (items: { label: string }[]) => items.find(({ label }) => label === "old"));
    await undoRemoveSnapshot(await workWith(fake), "hello");
    assert.deepEqual(changes(fake), [["snapshot.restoreRemoved", { machine: "id-of-hello", snapshot: "id-of-old" }]]);
  });

  it("empties only after a question", async () => {
    const fake = service();
    const work = await workWith(fake);
    await emptySnapshots(work, "hello");
    assert.deepEqual(changes(fake), []);
    stub.answers.set("hello: delete 1 removed snapshots (64 MiB)?", "Delete for Good");
    await emptySnapshots(work, "hello");
    assert.deepEqual(changes(fake), [["snapshot.empty", { machine: "id-of-hello" }]]);
  });
});

describe("disks, media, clones and what can go", () => {
  afterEach(() => stub.reset());

  it("asks before a disk is taken from under a running guest, and not otherwise", async () => {
    const answers = { "disk.list": () => [disk("root")], "disk.remove": () => ({ freedBytes: 0 }) };
    const live = new FakeService([running("hello")], answers);
    await removeDisk(await workWith(live), "hello", "root");
    assert.deepEqual([changes(live), shownTexts("warning").length], [[], 1]);
    const off = new FakeService([stopped("hello")], answers);
    await removeDisk(await workWith(off), "hello", "root");
    assert.deepEqual(changes(off), [["disk.remove", { machine: "id-of-hello", disk: "root" }]]);
  });

  it("opens a locked tray only when told to", async () => {
    const service = new FakeService([running("hello")], {
      "media.show": () => ({ drive: true, file: "/a.iso", locked: true }),
      "media.eject": () => ({ drive: true, file: null, locked: false }),
    });
    const work = await workWith(service);
    await ejectMedia(work, "hello");
    assert.deepEqual(changes(service), []);
    stub.answers.set("The guest of hello has locked the CD drive.", "Open the Tray Anyway");
    await ejectMedia(work, "hello");
    assert.deepEqual(changes(service), [["media.eject", { machine: "id-of-hello", force: true }]]);
  });

  it("clones with a name and a way", async () => {
    const service = new FakeService([running("hello")], {
      "machine.clone": ({ name }) => ({ id: "id-of-twin", name, linked: true, way: "linked" }),
    });
    stub.answers.set("Clone of hello", (items: { linked: boolean }[] | undefined) => items?.find(({ linked }) => linked));
    await cloneMachine(await workWith(service), "hello", "twin");
    assert.deepEqual(changes(service), [["machine.clone", { machine: "id-of-hello", name: "twin", linked: true }]]);
    assert.ok(shownTexts("information").includes("twin was made; it shares what is there."));
  });

  it("shows what can go by kind, and deletes what was chosen after a question", async () => {
    const mib = 1024 ** 2;
    const service = new FakeService([stopped("hello")], {
      "prune.list": () => [
        { kind: "machine", name: "web", detail: "", bytes: 5 * mib },
        { kind: "leftover", name: "a", detail: "of a crash", bytes: mib },
        { kind: "leftover", name: "b", detail: "", bytes: mib },
      ],
      "prune.run": () => ({ freedBytes: 2 * mib, items: [] }),
    });
    stub.answers.set("What Can Go", (rows: { label: string; description: string; detail: string; picked: boolean }[]) => {
      assert.deepEqual(
        rows.map(({ label, description, detail, picked }) => [label, description, detail, picked]),
        [
          ["Removed machines", "1 · 5 MiB", "web", false],
          ["Leftovers", "2 · 2 MiB", "a (of a crash), b", true],
        ],
      );
      return rows.slice(1);
    });
    stub.answers.set("Delete 2 MiB?", "Delete for Good");
    await prune(await workWith(service));
    assert.deepEqual(changes(service), [["prune.run", { kinds: ["leftover"] }]]);
  });
});
