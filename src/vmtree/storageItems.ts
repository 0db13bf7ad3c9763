import { basename } from "node:path";
import * as vscode from "vscode";
import type { DiskDetails, SnapshotView } from "../api/index.ts";
import { ageWords, bytesWords, escapeMarkdown, plain, snapshotIcon, untrustedMarkdown } from "../editor/index.ts";
import { shareItem, sharesItem } from "./shareItems.ts";
import type {
  DiskNode,
  DisksNode,
  InternalNode,
  LayerNode,
  MediaNode,
  PresentNode,
  RemovedNode,
  SnapshotNode,
  SnapshotsNode,
  StorageNode,
} from "./storageNodes.ts";

/** How disks, media and snapshots look as rows. */

const { l10n } = vscode;
const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;

export function storageItem(node: StorageNode): vscode.TreeItem {
  switch (node.kind) {
    case "disks":
      return folder(node, "database", l10n.t("Disks"));
    case "shares":
      return sharesItem(node);
    case "share":
      return shareItem(node);
    case "snapshots":
      return folder(node, "history", l10n.t("Snapshots"));
    case "disk":
      return diskItem(node);
    case "layer":
      return layerItem(node);
    case "media":
      return mediaItem(node);
    case "snapshot":
      return snapshotItem(node);
    case "present":
      return presentItem(node);
    case "removed":
      return removedItem(node);
    case "internal":
      return internalItem(node);
  }
}

/** Not asked for before it is opened: it says nothing of what is in it. */
function folder({ kind, machine }: DisksNode | SnapshotsNode, icon: string, label: string): vscode.TreeItem {
  return row({ id: `${kind}:${machine}`, icon, label, context: kind, state: Collapsed });
}

function diskItem({ machine, disk }: DiskNode): vscode.TreeItem {
  const item = row({
    id: `disk:${machine}:${disk.id}`,
    icon: disk.problem === undefined ? "database" : "warning",
    label: l10n.t("Disk {0}", plain(disk.id)),
    description: plain(disk.problem ?? diskWords(disk)),
    context: ["disk", disk.attached ? "attached" : "detached", disk.readOnly ? "readonly" : "writable"].join(" "),
    state: disk.layers.length > 1 ? Collapsed : None,
  });
  item.tooltip = diskTooltip(disk);
  return item;
}

/** `10 GiB, 312 MiB used · 3 layers · limited` */
export function diskWords(disk: DiskDetails): string {
  return [
    l10n.t("{0}, {1} used", bytesWords(disk.virtualBytes), bytesWords(disk.allocatedBytes)),
    disk.layers.length > 1 ? l10n.t("{0} layers", disk.layers.length) : undefined,
    limitWords(disk) === undefined ? undefined : l10n.t("limited"),
    disk.readOnly ? l10n.t("read-only") : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(" · ");
}

function limitWords({ limits }: DiskDetails): string | undefined {
  const parts = [
    limits.readBytesPerSecond > 0 ? l10n.t("read {0}/s", bytesWords(limits.readBytesPerSecond)) : undefined,
    limits.writeBytesPerSecond > 0 ? l10n.t("write {0}/s", bytesWords(limits.writeBytesPerSecond)) : undefined,
    limits.readsPerSecond > 0 ? l10n.t("{0} reads/s", limits.readsPerSecond) : undefined,
    limits.writesPerSecond > 0 ? l10n.t("{0} writes/s", limits.writesPerSecond) : undefined,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(", ");
}

function diskTooltip(disk: DiskDetails): vscode.MarkdownString {
  return table(`Disk ${disk.id}`, disk.problem, [
    [l10n.t("File"), disk.file],
    [l10n.t("Format"), `${disk.format}, ${disk.bus}`],
    [l10n.t("Size for the guest"), bytesWords(disk.virtualBytes)],
    [l10n.t("Takes on this computer"), bytesWords(disk.allocatedBytes)],
    [l10n.t("Shared with others"), disk.sharedBytes > 0 ? bytesWords(disk.sharedBytes) : undefined],
    [
      l10n.t("Compacting gives back"),
      (disk.reclaimableBytes ?? 0) > 0 ? l10n.t("about {0}", bytesWords(disk.reclaimableBytes ?? 0)) : undefined,
    ],
    [l10n.t("Limits"), limitWords(disk)],
  ]);
}

function layerItem({ machine, disk, layer }: LayerNode): vscode.TreeItem {
  const snapshots = layer.snapshots.map((name) => plain(name, 60)).join(", ");
  const item = row({
    id: `layer:${machine}:${disk.id}:${layer.file}`,
    icon: "layers",
    label: plain(basename(layer.file)),
    description: [bytesWords(layer.allocatedBytes), layer.shared ? l10n.t("shared") : undefined, snapshots || undefined]
      .filter((part) => part !== undefined)
      .join(" · "),
    context: "layer",
    state: None,
  });
  item.tooltip = plain(layer.file);
  return item;
}

function mediaItem({ machine, media }: MediaNode): vscode.TreeItem {
  const empty = media.file === null;
  const item = row({
    id: `media:${machine}`,
    icon: "record",
    label: l10n.t("CD-ROM drive"),
    description: [empty ? l10n.t("empty") : plain(basename(media.file ?? "")), media.locked ? l10n.t("locked by the guest") : undefined]
      .filter((part) => part !== undefined)
      .join(" · "),
    context: `media ${empty ? "empty" : "loaded"}`,
    state: None,
  });
  item.tooltip = empty ? l10n.t("The drive is empty") : plain(media.file ?? "");
  return item;
}

function snapshotItem({ machine, snapshot }: SnapshotNode): vscode.TreeItem {
  const removed = snapshot.removedAt !== null;
  const age = ageWords(snapshot.createdAt, Date.now(), vscode.env.language);
  const item = row({
    id: `snapshot:${machine}:${snapshot.id}`,
    icon: removed ? new vscode.ThemeIcon("trash") : snapshotIcon(snapshot),
    label: plain(snapshot.name),
    description: [
      age,
      bytesWords(snapshot.ownBytes),
      snapshot.automatic ? l10n.t("automatic") : undefined,
      snapshot.note && plain(snapshot.note, 80),
    ]
      .filter((part) => part !== undefined && part !== "")
      .join(" · "),
    context: [
      removed ? "removedSnapshot" : "snapshot",
      snapshot.children > 0 ? "branch" : "leaf",
      snapshot.current ? "current" : "past",
      ...(snapshot.consistency === "memory" && snapshot.problem === undefined ? ["memory"] : []),
    ].join(" "),
    state: removed || (snapshot.children === 0 && !snapshot.current) ? None : Expanded,
  });
  item.tooltip = snapshotTooltip(snapshot);
  item.accessibilityInformation = {
    label: [item.label, item.description, snapshot.consistencyText, snapshot.problem].filter(Boolean).join(", "),
  };
  return item;
}

function snapshotTooltip(snapshot: SnapshotView): vscode.MarkdownString {
  return table(snapshot.name, snapshot.problem, [
    [l10n.t("Taken"), new Date(snapshot.createdAt).toLocaleString(vscode.env.language)],
    [l10n.t("Holds"), snapshot.consistencyText],
    [l10n.t("Takes on this computer"), bytesWords(snapshot.ownBytes)],
    [l10n.t("Memory in it"), snapshot.memoryBytes === null ? undefined : bytesWords(snapshot.memoryBytes)],
    [l10n.t("Layers below it"), String(snapshot.depth)],
    [l10n.t("Note"), snapshot.note],
  ]);
}

function presentItem({ machine, list }: PresentNode): vscode.TreeItem {
  const item = row({
    id: `present:${machine}`,
    icon: new vscode.ThemeIcon("circle-filled", new vscode.ThemeColor("charts.green")),
    label: l10n.t("Now"),
    description: list.snapshots.length === 0 ? l10n.t("no snapshot yet") : l10n.t("{0} written since", bytesWords(list.currentBytes)),
    context: "present",
    state: None,
  });
  item.tooltip = l10n.t("What the machine has now");
  return item;
}

function removedItem({ machine, list }: RemovedNode): vscode.TreeItem {
  return row({
    id: `removed:${machine}`,
    icon: "trash",
    label: l10n.t("Removed"),
    description: l10n.t("emptying frees {0}", bytesWords(list.removedBytes)),
    context: "removed",
    state: Collapsed,
  });
}

function internalItem({ machine, internal }: InternalNode): vscode.TreeItem {
  const item = row({
    id: `internal:${machine}:${internal.disk}:${internal.id}`,
    icon: "archive",
    label: plain(internal.name),
    description: l10n.t("inside the image of disk {0}", plain(internal.disk)),
    context: "internal",
    state: None,
  });
  item.tooltip = l10n.t("A snapshot that came with the image. It can become one of Vivarium's.");
  return item;
}

interface Row {
  readonly id: string;
  readonly icon: string | vscode.ThemeIcon;
  readonly label: string;
  readonly description?: string;
  readonly context: string;
  readonly state: vscode.TreeItemCollapsibleState;
}

function row({ id, icon, label, description, context, state }: Row): vscode.TreeItem {
  const item = new vscode.TreeItem(label, state);
  item.id = id;
  item.iconPath = typeof icon === "string" ? new vscode.ThemeIcon(icon) : icon;
  item.contextValue = context;
  if (description !== undefined) item.description = description;
  item.accessibilityInformation = { label: description === undefined || description === "" ? label : `${label}, ${description}` };
  return item;
}

function table(
  title: string,
  problem: string | undefined,
  rows: readonly (readonly [string, string | undefined])[],
): vscode.MarkdownString {
  const markdown = untrustedMarkdown();
  markdown.appendMarkdown(`**${escapeMarkdown(title)}**\n\n`);
  if (problem !== undefined) markdown.appendMarkdown(`$(warning) ${escapeMarkdown(problem)}\n\n`);
  const lines = rows.flatMap(([name, value]) => (value === undefined ? [] : [`| ${escapeMarkdown(name)} | ${escapeMarkdown(value)} |\n`]));
  markdown.appendMarkdown(`| | |\n|---|---|\n${lines.join("")}\n`);
  return markdown;
}
