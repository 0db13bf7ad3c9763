import type { SnapshotList, SnapshotView } from "../api/index.ts";
import { humanBytes } from "../model/index.ts";
import { safeText } from "./safe.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";
import { timeText } from "./times.ts";

/** How the snapshot verbs say what they know. */

export const tagArgument = { label: "TAG", summary: "The snapshot's name (or id)" } as const;

export function snapshotLine(machine: string, view: SnapshotView): string {
  const paused = view.pausedMs === undefined ? "" : `; the guest stood still for ${Math.round(view.pausedMs)} ms`;
  return `${safeText(machine)}: ${safeText(view.name)}, ${view.consistencyText}${paused}\n`;
}

export function snapshotTable(list: SnapshotList, style: Style): string {
  if (list.snapshots.length === 0) return "There are no snapshots.\n";
  const rows = list.snapshots.map((each) => [
    each.id === list.current ? "*" : "",
    each.name,
    timeText(each.createdAt),
    each.consistency,
    humanBytes(each.ownBytes),
    remarks(each),
  ]);
  return table(
    [{ title: "" }, { title: "TAG" }, { title: "TAKEN" }, { title: "HOLDS" }, { title: "SIZE", align: "right" }, { title: "" }],
    rows,
    style,
  );
}

function remarks(each: SnapshotView): string {
  const parts = [
    each.problem === undefined ? "" : `cannot be restored: ${each.problem}`,
    each.removedAt === null ? "" : "removed",
    each.automatic ? "automatic" : "",
    each.note?.split("\n")[0] ?? "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

/** Lines with branches; the present hangs below the snapshot it grew from. */
export function snapshotTree(list: SnapshotList): string {
  const lines: string[] = [];
  const known = new Set(list.snapshots.map(({ id }) => id));
  const children = (parent: string | null) =>
    list.snapshots.filter((each) => (each.parent !== null && known.has(each.parent) ? each.parent : null) === parent);
  const present = `now (${humanBytes(list.currentBytes)} since)`;
  const walk = (parent: string | null, indent: string) => {
    const below = [
      ...children(parent).map((each) => ({ text: label(each), id: each.id })),
      ...(parent === list.current ? [{ text: present, id: undefined }] : []),
    ];
    for (const [index, { text, id }] of below.entries()) {
      const last = index === below.length - 1;
      lines.push(`${indent}${last ? "└─ " : "├─ "}${text}\n`);
      if (id !== undefined) walk(id, `${indent}${last ? "   " : "│  "}`);
    }
  };
  walk(null, "");
  return lines.join("");
}

function label(each: SnapshotView): string {
  const more = remarks(each);
  return safeText(
    `${each.name}  ${timeText(each.createdAt)}  ${each.consistency}, ${humanBytes(each.ownBytes)}${more === "" ? "" : `  (${more})`}`,
  );
}

/** What a person should know beside the list. */
export function listNotes(machine: string, list: SnapshotList): string[] {
  return [
    ...(list.memoryBlocked.length > 0 ? [`Memory cannot be saved now: ${list.memoryBlocked.join("; ")}`] : []),
    ...(list.removedBytes > 0 ? [`Removed snapshots hold ${humanBytes(list.removedBytes)}: viv snapshot empty ${machine}`] : []),
    ...list.internal.map((each) => `Disk ${each.disk} brought a snapshot of its own: ${each.name || each.id}`),
  ];
}
