import assert from "node:assert/strict";
import type { MachineSummary, TemplateView } from "../../../src/api/index.ts";
import { running, stopped } from "../cli/support/machines.ts";
import { snapshot, snapshotList } from "../cli/support/storage.ts";
import { stub } from "./support/load.ts";
import { editorWith, FakeService } from "./support/service.ts";

const { MachineTree } = await import("../../../src/vmtree/provider.ts");
const { arrange } = await import("../../../src/vmtree/order.ts");
const { contextValue } = await import("../../../src/vmtree/contextValue.ts");
const { savedBytes, templateTooltip, templateWords } = await import("../../../src/vmtree/templateItems.ts");
const { fork, forkSnapshot } = await import("../../../src/commands/templates/fork.ts");
const { makeTemplate } = await import("../../../src/commands/templates/make.ts");
const { removeTemplate } = await import("../../../src/commands/templates/remove.ts");
const { removeFork } = await import("../../../src/commands/templates/forks.ts");
const { lastGood } = await import("../../../src/commands/templates/lastGood.ts");
const { start } = await import("../../../src/commands/start.ts");

const mebibyte = 1024 ** 2;

function templateOf(name: string, more: Partial<TemplateView> = {}): TemplateView {
  return {
    id: `id-of-${name}`,
    name,
    createdAt: "2026-11-23T10:00:00.000Z",
    lastUsedAt: "2026-11-23T10:00:00.000Z",
    implicit: false,
    source: { name: "hello", id: "id-of-hello" },
    memoryBytes: 256 * mebibyte,
    ownBytes: 90 * mebibyte,
    qemuVersion: "10.0.8",
    accelerator: "tcg",
    architecture: "x86_64",
    cpus: 1,
    forks: [],
    ...more,
  };
}

const forked = { fork: { template: "id-of-web", templateName: "web" } };

async function workWith(service: FakeService) {
  const editor = await editorWith(service);
  service.asked.length = 0;
  return { editor, view: { filter: "", reveal: async () => undefined, refresh: () => undefined, dispose: () => undefined } };
}

const changes = (service: FakeService): unknown[] =>
  service.asked.filter(({ method }) => !/\.(list|show)$/.test(method)).map(({ method, params }) => [method, params]);
const serviceOf = (machines: MachineSummary[], templates: TemplateView[], answers = {}) =>
  new FakeService(machines, { "template.list": () => templates, ...answers });

describe("templates in the tree", () => {
  afterEach(() => stub.reset());

  it("stand last, with their forks below them and not among the machines", async () => {
    const machines = [running("hello"), running("web-1", forked), stopped("web-2", forked), stopped("web-3", { ...forked, group: "team" })];
    const service = serviceOf(machines, [templateOf("web")]);
    const editor = await editorWith(service);
    await editor.templates.load();
    const tree = new MachineTree(editor);
    const roots = await tree.getChildren();
    assert.deepEqual(
      roots.map((node) => tree.getTreeItem(node).label),
      ["team", "hello", "Templates"],
    );
    const [web] = await tree.getChildren(roots.at(-1));
    assert.equal(tree.getTreeItem(web!).description, "1 of 3 forks run · 90 MiB");
    const forks = await tree.getChildren(web);
    assert.deepEqual(
      forks.map((node) => tree.getTreeItem(node).label),
      ["web-1", "web-2"],
      "one in a group stands there",
    );
    assert.equal(tree.getParent(forks[0]!), web);
    assert.equal(tree.getParent(web!), roots.at(-1));
  });

  it("have no row while there is none, and appear by their event", async () => {
    const templates: TemplateView[] = [];
    const service = serviceOf([running("hello")], templates);
    const editor = await editorWith(service);
    await editor.templates.load();
    const tree = new MachineTree(editor);
    const repainted: unknown[] = [];
    tree.onDidChangeTreeData((node) => repainted.push(node));
    assert.equal((await tree.getChildren()).length, 1);
    templates.push(templateOf("web"));
    service.events.fire({ event: "template.changed", at: "" });
    await new Promise(setImmediate);
    assert.ok(repainted.includes(undefined));
    assert.equal((await tree.getChildren()).length, 2);
  });

  it("are found by their own name and by their forks'", () => {
    const machines = [stopped("hello"), stopped("a-1", forked)];
    const templates = [templateOf("web"), templateOf("db")];
    assert.deepEqual(arrange(machines, "a-1", templates).templates, ["id-of-web"]);
    assert.deepEqual(arrange(machines, "web", templates).forksOf("id-of-web").length, 1, "a fork is found by its template's name");
    assert.deepEqual(arrange(machines, "db", templates).templates, ["id-of-db"]);
    assert.deepEqual(arrange(machines, "hello", templates).templates, []);
  });

  it("leave a fork whose template is gone among the machines", () => {
    assert.equal(arrange([stopped("web-1", forked)], "", []).ungrouped.length, 1);
  });

  it("say what is shared and what that saves", () => {
    const shared = { running: 4, privateBytes: 140 * mebibyte };
    assert.equal(savedBytes(templateOf("web"), shared), (4 * 256 - 140) * mebibyte);
    assert.equal(savedBytes(templateOf("web"), { running: 1, privateBytes: 300 * mebibyte }), 0, "never less than nothing");
    const text = templateTooltip(templateOf("web", { implicit: true, note: "[x](y)" }), [], shared).value;
    assert.match(text, /884 MiB&#58; the forks have 140 MiB of their own/);
    assert.match(text, /A fork made it on the way/);
    assert.doesNotMatch(text, /\[x\]/);
    assert.equal(templateWords(templateOf("web", { implicit: true }), []), "90 MiB · made on the way");
  });

  it("offer for a fork what a machine offers, and to keep it", () => {
    assert.ok(contextValue(running("web-1", forked)).split(" ").includes("fork"));
    assert.ok(!contextValue(running("hello")).split(" ").includes("fork"));
  });
});

describe("forking", () => {
  afterEach(() => stub.reset());

  it("asks how many, from 1 to 256, and forks the machine as it is now", async () => {
    const made = [{ name: "hello-1", id: "1", state: "running", readyMs: 210 }];
    const service = serviceOf([running("hello")], [], { "fork.create": () => made });
    stub.answers.set("Fork hello", "4");
    await fork(await workWith(service), { machine: "id-of-hello" });
    assert.deepEqual(changes(service), [["fork.create", { source: "id-of-hello", present: true, count: 4 }]]);
    const { validateInput } = stub.shown.find(({ kind }) => kind === "input")!.details as { validateInput(text: string): unknown };
    for (const bad of ["0", "257", "-1", "two", "1.5", ""]) assert.ok(validateInput(bad) !== undefined, bad);
    for (const good of ["1", " 20 ", "256"]) assert.equal(validateInput(good), undefined, good);
  });

  it("forks a template by its id, and says why one is not ready", async () => {
    const made = [{ name: "web-1", id: "1", state: "running", readyMs: null, reason: "Its agent has not answered." }];
    const service = serviceOf([running("hello")], [templateOf("web")], { "fork.create": () => made });
    await fork(await workWith(service), { template: "id-of-web" }, 1);
    assert.deepEqual(changes(service), [["fork.create", { source: "id-of-web", count: 1 }]]);
    assert.match(stub.shown.find(({ kind }) => kind === "warning")?.text ?? "", /web-1: Its agent has not answered\./);
  });

  it("goes on from a snapshot", async () => {
    const service = serviceOf([stopped("hello")], [], { "snapshot.list": () => snapshotList(), "fork.create": () => [] });
    const { id, name } = snapshotList().snapshots[0]!;
    await forkSnapshot(await workWith(service), "hello", name, 2);
    assert.deepEqual(changes(service), [["fork.create", { source: "id-of-hello", snapshot: id, count: 2 }]]);
  });

  it("makes a template with a name and a note", async () => {
    const service = serviceOf([running("hello")], [templateOf("web")], { "template.create": () => templateOf("ready") });
    stub.answers.set("Make a Template of hello", "ready tests are installed");
    await makeTemplate(await workWith(service), "hello");
    assert.deepEqual(changes(service), [["template.create", { machine: "id-of-hello", name: "ready", note: "tests are installed" }]]);
    const { validateInput } = stub.shown.find(({ kind }) => kind === "input")!.details as { validateInput(text: string): unknown };
    assert.equal(validateInput("web x"), "There is a template “web” already.");
  });

  it("does not delete a template that forks run on, until they are stopped by its button", async () => {
    const forks = [{ id: "f1", name: "web-1", running: true }];
    const service = serviceOf([running("web-1", forked)], [templateOf("web", { forks })], {
      "machine.stop": () => ({}),
      "template.remove": () => ({ freedBytes: 1 }),
    });
    const work = await workWith(service);
    await removeTemplate(work, "web");
    assert.deepEqual(changes(service), []);
    const said = stub.shown.find(({ kind }) => kind === "warning")?.text ?? "";
    assert.match(said, /stays while forks of it run.*web-1/);
    stub.answers.set(said, "Stop Them and Delete");
    await removeTemplate(work, "web");
    assert.deepEqual(changes(service), [
      ["machine.stop", { machine: "f1" }],
      ["template.remove", { template: "id-of-web" }],
    ]);
  });

  it("asks before a fork goes for good", async () => {
    const service = serviceOf([running("web-1", forked)], [templateOf("web")], { "fork.remove": () => ({}) });
    const work = await workWith(service);
    await removeFork(work, "web-1");
    assert.deepEqual(changes(service), []);
    stub.answers.set("Remove web-1 for good?", "Remove");
    await removeFork(work, "web-1");
    assert.deepEqual(changes(service), [["fork.remove", { machine: "id-of-web-1" }]]);
  });
});

describe("a start that failed", () => {
  afterEach(() => stub.reset());

  const memory = (name: string, createdAt: string, more = {}) => snapshot(name, { consistency: "memory", createdAt, ...more });

  it("knows the newest snapshot with memory that nothing is wrong with", () => {
    const list = [
      memory("old", "2026-01-01T00:00:00.000Z"),
      memory("good", "2026-02-01T00:00:00.000Z"),
      memory("broken", "2026-03-01T00:00:00.000Z", { problem: "a layer is missing" }),
      memory("removed", "2026-04-01T00:00:00.000Z", { removedAt: "2026-04-02T00:00:00.000Z" }),
      snapshot("disks", { consistency: "stopped", createdAt: "2026-05-01T00:00:00.000Z" }),
    ];
    assert.equal(lastGood(list)?.name, "good");
    assert.equal(lastGood([]), undefined);
  });

  it("offers a fork of it with one click", async () => {
    const failure = Object.assign(new Error("QEMU ended at once."), { name: "VivError", code: "qemu-crashed" });
    const service = serviceOf([stopped("hello")], [], {
      "snapshot.list": () => snapshotList({ snapshots: [memory("good", "2026-02-01T00:00:00.000Z")] }),
      "machine.start": () => {
        throw failure;
      },
    });
    const work = await workWith(service);
    await start(work, "hello");
    await new Promise(setImmediate);
    const error = stub.shown.find(({ kind }) => kind === "error");
    assert.deepEqual((error!.details as string[])[0], "Fork good");
  });
});
