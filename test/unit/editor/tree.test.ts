import assert from "node:assert/strict";
import type { MachineSummary } from "../../../src/api/index.ts";
import { readinessLadder } from "../../../src/model/index.ts";
import { failed, running, stopped } from "../cli/support/machines.ts";
import { stub } from "./support/load.ts";
import { editorWith, FakeService } from "./support/service.ts";

const { MachineTree } = await import("../../../src/vmtree/provider.ts");
const { machineItem, description } = await import("../../../src/vmtree/machineItem.ts");
const { contextValue } = await import("../../../src/vmtree/contextValue.ts");
const { machineTooltip, waterfall } = await import("../../../src/vmtree/tooltip.ts");
const { arrange, matches } = await import("../../../src/vmtree/order.ts");

const tokens = (machine: MachineSummary): string[] => contextValue(machine).split(" ");

async function treeOf(...machines: MachineSummary[]) {
  const service = new FakeService(machines);
  const editor = await editorWith(service);
  const tree = new MachineTree(editor);
  const repainted: unknown[] = [];
  tree.onDidChangeTreeData((node) => repainted.push(node));
  return { service, editor, tree, repainted };
}

describe("the machines tree", () => {
  afterEach(() => stub.reset());

  it("has groups first, then machines, both in alphabetical order", async () => {
    const { tree } = await treeOf(stopped("web10"), stopped("web9"), stopped("db", { group: "team" }), stopped("a", { group: "Alpha" }));
    const roots = await tree.getChildren();
    assert.deepEqual(
      roots.map((node) => (node.kind === "group" ? node.name : node.kind === "machine" ? node.machine : node.kind)),
      ["Alpha", "team", "id-of-web9", "id-of-web10"],
    );
  });

  it("repaints one row for one machine's event", async () => {
    const { service, tree, repainted } = await treeOf(stopped("hello"), stopped("web"));
    const [hello] = await tree.getChildren();
    service.changed(running("hello"));
    assert.deepEqual(repainted, [hello]);
    assert.equal(repainted[0], hello, "by identity: the view knows rows by their objects");
  });

  it("repaints the whole when a machine comes, goes, or moves to another group", async () => {
    const { service, repainted } = await treeOf(stopped("hello"));
    service.changed(stopped("web"));
    service.changed(stopped("web", { group: "team" }));
    service.events.fire({ event: "machine.removed", at: "", id: "id-of-web", name: "web" });
    assert.deepEqual(repainted, [undefined, undefined, undefined]);
  });

  it("shows a machine that became damaged once, although its id changed", async () => {
    const { service, editor } = await treeOf(stopped("hello"));
    service.changed({ ...stopped("hello"), id: "damaged-hello", state: "damaged", status: { state: "damaged", reason: "vm.json: no" } });
    assert.deepEqual(
      editor.machines.all.map(({ id }) => id),
      ["damaged-hello"],
    );
  });

  it("adds ports when they are known, and keeps them while newer ones are asked for", async () => {
    const { service, tree, repainted } = await treeOf(running("hello"));
    const [node] = await tree.getChildren();
    assert.equal(tree.getTreeItem(node!).description, "emulated");
    await new Promise(setImmediate);
    assert.deepEqual(repainted, [node]);
    assert.equal(tree.getTreeItem(node!).description, "emulated · :40022→22");
    service.changed(running("hello", { wanted: "running" }));
    assert.equal(tree.getTreeItem(node!).description, "emulated · :40022→22");
  });

  it("shows ports, disks, snapshots and pending changes below a machine", async () => {
    const { tree } = await treeOf(
      running("hello", {
        cdrom: "/iso/debian.iso",
        pending: [
          { path: "memory", before: "1G", after: "2G" },
          { path: "cdrom", after: {} },
        ],
      }),
    );
    const [node] = await tree.getChildren();
    const children = await tree.getChildren(node);
    assert.deepEqual(
      children.map((child) => tree.getTreeItem(child).label),
      ["Ports", "Files", "Disks", "Shared folders", "Snapshots", "At the next start"],
    );
    assert.equal(tree.getTreeItem(children.at(-1)!).description, "memory: 1G → 2G, cdrom");
  });

  it("has a row of ports: forwards, who listens, and what is reached from nowhere else", async () => {
    const { service, tree, repainted } = await treeOf(running("hello"));
    const listening = [
      { protocol: "tcp" as const, address: "0.0.0.0", port: 22, process: "sshd" },
      { protocol: "tcp" as const, address: "::", port: 22, process: "sshd" },
      { protocol: "tcp" as const, address: "127.0.0.1", port: 5432, process: "post\u202egres" },
      { protocol: "udp" as const, address: "0.0.0.0", port: 68 },
    ];
    service.answers["guest.ports"] = () => listening;
    const [node] = await tree.getChildren();
    const ports = (await tree.getChildren(node)).find(({ kind }) => kind === "ports");
    assert.ok(ports);
    const shown = async () =>
      (await tree.getChildren(ports)).map((one) => [tree.getTreeItem(one).label, tree.getTreeItem(one).description]);
    await shown();
    await new Promise(setImmediate);
    assert.equal(repainted.at(-1), ports);
    assert.deepEqual(await shown(), [
      ["Port 22", "127.0.0.1:40022 · sshd"],
      ["Port 68/udp", "not forwarded"],
      ["Port 5432", "post gres · only inside the guest"],
    ]);
    service.portsChanged(running("hello").id, []);
    assert.deepEqual(await shown(), [["Port 22", "127.0.0.1:40022 · nobody listens"]]);
    tree.collapsed(ports);
    assert.equal(service.asked.at(-1)?.method, "close");
  });

  it("says why when details cannot be had", async () => {
    const { service, tree } = await treeOf(stopped("hello"));
    service.answers["machine.show"] = () => {
      throw new Error("the disk is gone");
    };
    const [node] = await tree.getChildren();
    const [only] = await tree.getChildren(node);
    assert.equal(tree.getTreeItem(only!).description, "the disk is gone");
  });

  it("takes the first list once: VS Code is not told to ask again for what it waits for", async () => {
    const { editor, tree, repainted } = await treeOf(stopped("hello"));
    Object.defineProperty(editor.machines, "isListed", { value: false });
    Object.defineProperty(editor.machines, "load", { value: () => editor.machines.reload() });
    assert.equal((await tree.getChildren()).length, 1);
    assert.deepEqual(repainted, []);
    await editor.machines.reload();
    assert.deepEqual(repainted, [undefined], "a list that nobody waited for");
  });

  it("draws and filters a thousand machines in time", async () => {
    const many = Array.from({ length: 1000 }, (_, index) => stopped(`m${index}`, index % 3 === 0 ? { group: `g${index % 10}` } : {}));
    const { tree } = await treeOf(...many);
    const draw = async (): Promise<number> => {
      const before = performance.now();
      const roots = await tree.getChildren();
      for (const root of roots)
        for (const node of [root, ...(root.kind === "group" ? await tree.getChildren(root) : [])]) tree.getTreeItem(node);
      return performance.now() - before;
    };
    // Other work on the host only adds: the quickest of three counts.
    const times = [await draw(), await draw(), await draw()];
    assert.ok(Math.min(...times) < 250, `drawn in ${times.join(", ")} ms`);
    const filtering = performance.now();
    tree.filter = "m99";
    assert.equal(tree.arrangement.shown, 11);
    assert.ok(performance.now() - filtering < 50, `filtered in ${performance.now() - filtering} ms`);
  });
});

describe("a machine's row", () => {
  it("has its name, state and place for screen readers", () => {
    const item = machineItem(running("hello"), running("hello"));
    assert.equal(item.accessibilityInformation?.label, "hello, running, emulated · :40022 to 22, Emulated: not a security boundary");
  });

  it("shows the operation in progress before anything else", () => {
    const busy = running("hello", { operation: { kind: "suspend", step: "saving memory", percent: 41.7 } });
    assert.equal(description(busy, busy), "saving memory 41 %");
    assert.equal((machineItem(busy, busy).iconPath as unknown as { id: string }).id, "loading~spin");
  });

  it("says in one line why it failed", () => {
    assert.equal(description(failed("hello"), undefined), "failed: QEMU ended at once:");
  });

  it("offers what its state allows", () => {
    assert.deepEqual(tokens(stopped("a")), ["machine", "stopped", "startable", "changeable", "whole"]);
    assert.deepEqual(tokens(running("a")), ["machine", "running", "live", "stoppable", "whole"]);
    const hung = running("a", { status: { state: "running", pid: 1, since: "", responding: false } });
    assert.ok(tokens(hung).includes("unresponsive"));
    const damaged: MachineSummary = { ...stopped("a"), state: "damaged", status: { state: "damaged", reason: "no" } };
    assert.deepEqual(tokens(damaged), ["machine", "damaged"]);
  });

  it("never lets a hostile name or note act in its tooltip", () => {
    const hostile = running("x", { name: "<b>[a](command:x)", note: "![i](https://e/x.png)", image: "| a | b |\n| $(zap)" });
    const { value } = machineTooltip(hostile, hostile);
    assert.doesNotMatch(value, /<b>|\]\(|!\[|\(zap\)/);
  });

  it("is measured only while the mouse rests on it, and again the next time", async () => {
    const { service, tree } = await treeOf(running("hello"), stopped("web"));
    const [hello, web] = await tree.getChildren();
    const measured = () => service.asked.filter(({ method }) => method === "machine.usage").length;
    service.answers["machine.usage"] = () => ({
      cpuPercent: 12.4,
      intervalMs: 300,
      residentBytes: 300 * 1024 ** 2,
      privateBytes: 210 * 1024 ** 2,
      guest: { totalBytes: 500 * 1024 ** 2, availableBytes: 450 * 1024 ** 2 },
    });
    const rest = async (node: typeof hello) =>
      (await tree.resolveTreeItem(tree.getTreeItem(node!), node!, new stub.CancellationTokenSource().token as never)).tooltip as {
        value: string;
      };
    assert.equal(measured(), 0);
    assert.match(
      (await rest(hello)).value,
      /CPU \| 12 % of one core[\s\S]*Memory \| 210 MiB of this computer; the guest uses 50 MiB of 500 MiB/,
    );
    assert.equal(measured(), 1);
    assert.doesNotMatch((await rest(web)).value, /of one core/);
    assert.equal(measured(), 1);
    tree.dispose();
  });

  it("has its tooltip without figures when they cannot be had", async () => {
    const { service, tree } = await treeOf(running("hello"));
    service.answers["machine.usage"] = () => {
      throw new Error("the disk is gone");
    };
    const [node] = await tree.getChildren();
    const item = await tree.resolveTreeItem(tree.getTreeItem(node!), node!, new stub.CancellationTokenSource().token as never);
    assert.match((item.tooltip as { value: string }).value, /Ports/);
  });

  it("draws readiness as a waterfall", () => {
    const past = [100, 110, 90].map((qmp) => ({ qmp, kernel: 3000 + qmp, agent: 3100 + qmp }));
    const facts = { name: "web", probes: [], running: true, inFirstBoot: false };
    const slow = waterfall(readinessLadder({ ...facts, readiness: { qmp: 100, kernel: 500, agent: 3500 }, history: past }));
    assert.match(slow, /kernel +500 ms .*usually 3000 ms\n.*agent +3500 ms .*▲ 2900 ms slower than usual/);
    const lines = waterfall(readinessLadder({ ...facts, readiness: { qmp: 100, kernel: 500, agent: 1000 }, history: [] }))
      .trim()
      .split("\n")
      .slice(1, -1);
    assert.deepEqual(
      lines,
      ["qmp         100 ms  ██", "kernel      500 ms    ██████████", "agent      1000 ms              ████████████"].map((line) => line),
    );
  });
});

describe("the filter", () => {
  it("wants every word in what can be seen", () => {
    const machine = running("web-1", { group: "Team Blue" });
    assert.ok(matches(machine, "web blue"));
    assert.ok(matches(machine, "RUNNING"));
    assert.ok(!matches(machine, "web red"));
  });

  it("hides groups without a match", () => {
    const { groups, shown } = arrange([stopped("a", { group: "one" }), stopped("b", { group: "two" })], "two");
    assert.deepEqual([groups, shown], [["two"], 1]);
  });
});
