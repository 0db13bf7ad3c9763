import assert from "node:assert/strict";
import { running, stopped } from "../cli/support/machines.ts";
import { disk, snapshotList } from "../cli/support/storage.ts";
import { stub } from "./support/load.ts";
import { editorWith, FakeService } from "./support/service.ts";

const { MachineTree } = await import("../../../src/vmtree/provider.ts");

async function treeOf(machine = stopped("hello")) {
  const service = new FakeService([machine], {
    "snapshot.list": () => snapshotList(),
    "disk.list": () => [disk("root"), disk("data", { layers: [], limits: { ...disk("x").limits, readBytesPerSecond: 30 * 1024 ** 2 } })],
    "media.show": () => ({ drive: true, file: "/iso/debian.iso", locked: true }),
  });
  const tree = new MachineTree(await editorWith(service));
  const repainted: unknown[] = [];
  tree.onDidChangeTreeData((node) => repainted.push(node));
  const [root] = await tree.getChildren();
  const children = await tree.getChildren(root);
  const find = (kind: string) => children.find((node) => node.kind === kind)!;
  service.asked.length = 0;
  return { service, tree, repainted, machine, disks: find("disks"), snapshots: find("snapshots") };
}

/** Label, description and what grew from it, as a person sees it with everything open. */
async function outline(
  tree: Awaited<ReturnType<typeof treeOf>>["tree"],
  node: Parameters<typeof tree.getTreeItem>[0],
  depth = 0,
): Promise<string[]> {
  const item = tree.getTreeItem(node);
  const below = await tree.getChildren(node);
  return [`${"  ".repeat(depth)}${item.label}`, ...(await Promise.all(below.map((child) => outline(tree, child, depth + 1)))).flat()];
}

describe("disks and snapshots in the tree", () => {
  afterEach(() => stub.reset());

  it("asks for nothing before they are opened", async () => {
    const { service, tree, disks, snapshots } = await treeOf();
    for (const node of [disks, snapshots]) assert.equal(tree.getTreeItem(node).collapsibleState, stub.TreeItemCollapsibleState.Collapsed);
    assert.deepEqual(service.asked, []);
  });

  it("shows snapshots below those they grew from, the present last, what was removed apart", async () => {
    const { tree, snapshots } = await treeOf();
    assert.deepEqual(await outline(tree, snapshots), ["Snapshots", "  base", "    trial", "    work", "      Now", "  Removed", "    old"]);
  });

  it("shows disks with their layers and limits, and the CD-ROM drive", async () => {
    const { tree, disks } = await treeOf();
    assert.deepEqual(await outline(tree, disks), [
      "Disks",
      "  Disk root",
      "    root-ab12cd.qcow2",
      "    root.qcow2",
      "  Disk data",
      "  CD-ROM drive",
    ]);
    const [root, data, drive] = (await tree.getChildren(disks)).map((node) => tree.getTreeItem(node));
    assert.equal(root?.description, "10 GiB, 312 MiB used · 2 layers");
    assert.equal(data?.description, "10 GiB, 312 MiB used · limited");
    assert.equal(drive?.description, "debian.iso · locked by the guest");
  });

  it("offers what each row can do", async () => {
    const { tree, disks, snapshots } = await treeOf();
    const contexts = async (node: typeof disks) => (await tree.getChildren(node)).map((child) => tree.getTreeItem(child).contextValue);
    assert.deepEqual(await contexts(disks), ["disk attached writable", "disk attached writable", "media loaded"]);
    assert.deepEqual(await contexts(snapshots), ["snapshot branch past", "removed"]);
  });

  it("says age, size and note in the row, and consistency in the tooltip", async () => {
    const { tree, snapshots } = await treeOf();
    const [base] = await tree.getChildren(snapshots);
    const [trial] = await tree.getChildren(base);
    const item = tree.getTreeItem(trial!);
    assert.match(String(item.description), / · 64 MiB · a trial$/);
    assert.match((item.tooltip as unknown as { value: string }).value, /memory and disks of one moment/);
    assert.match(item.accessibilityInformation?.label ?? "", /^trial, .+, memory and disks of one moment$/);
  });

  it("asks again only for what is open, and only when an event says so", async () => {
    const { service, tree, repainted, machine, snapshots } = await treeOf();
    await tree.getChildren(snapshots);
    await tree.getChildren(snapshots);
    assert.deepEqual(
      service.asked.map(({ method }) => method),
      ["snapshot.list"],
    );
    service.storageChanged(machine);
    assert.deepEqual(repainted, [snapshots], "the disks are not open");
    await tree.getChildren(snapshots);
    assert.deepEqual(
      service.asked.map(({ method }) => method),
      ["snapshot.list", "snapshot.list"],
    );
  });

  it("draws them anew when the machine starts: other things can be done then", async () => {
    const { service, tree, repainted, snapshots } = await treeOf();
    await tree.getChildren(snapshots);
    service.changed(running("hello"));
    assert.ok(repainted.includes(snapshots));
  });

  it("keeps hostile names and notes one line of text", async () => {
    const { service, tree, snapshots } = await treeOf();
    const hostile = "[x](command:vivarium.kill) <img src=x>\n$(trash)\u202e";
    service.answers["snapshot.list"] = () => {
      const list = snapshotList();
      return { ...list, snapshots: [{ ...list.snapshots[0]!, note: hostile, problem: hostile }] };
    };
    const [row] = await tree.getChildren(snapshots);
    const item = tree.getTreeItem(row!);
    assert.doesNotMatch(String(item.description), /\n|\u202e|\$\(trash\)/);
    const tooltip = item.tooltip as unknown as { value: string; isTrusted: boolean };
    assert.equal(tooltip.isTrusted, false);
    assert.doesNotMatch(tooltip.value, /\]\(command:|<img/);
  });
});
