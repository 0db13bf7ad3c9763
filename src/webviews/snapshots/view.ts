import type { MachineSummary, SnapshotComparison, SnapshotList, SnapshotView } from "../../api/index.ts";
import { l10n } from "../ui/l10n.ts";
import { graphRows } from "./layout.ts";
import { type Comparison, presentId, type RemovedRow, type SnapshotRow, type SnapshotsState } from "./messages.ts";

/** What the page shows of a machine's past; pure, and everything in words. */

/** What words are made with; from the editor's room, given so that this stays pure. */
export interface Words {
  bytes(count: number): string;
  /** `3 min. ago` */
  age(time: string): string;
  /** A time in full. */
  time(time: string): string;
  /** One line without control characters. */
  plain(text: string, maximum?: number): string;
}

export interface Shown {
  readonly machine: Pick<MachineSummary, "id" | "name" | "operation">;
  readonly live: boolean;
  readonly whole: boolean;
  readonly stateWord: string;
  readonly operationWord: string | undefined;
  readonly list: SnapshotList | undefined;
  readonly problem: SnapshotsState["problem"] | undefined;
}

export function snapshotsState(version: number, shown: Shown, words: Words): SnapshotsState {
  const { machine, live, whole, list, problem } = shown;
  const kept = list?.snapshots.filter(({ removedAt }) => removedAt === null) ?? [];
  const rows = list ? rowsOf(shown, list, kept, words) : [];
  return {
    version,
    machine: { id: machine.id, name: words.plain(machine.name), live, whole },
    summary: summary(shown, kept, words),
    rows,
    lanes: rows.reduce((most, { graph }) => Math.max(most, graph.lane + 1), 1),
    removed: (list?.snapshots ?? []).filter(({ removedAt }) => removedAt !== null).map((one) => removedRow(one, words)),
    removedFrees: words.bytes(list?.removedBytes ?? 0),
    internal: (list?.internal ?? []).map(({ disk, id, name, createdAt }) => ({
      disk,
      id,
      name: words.plain(name, 100),
      detail: l10n.t("inside the image of disk {0} · {1}", words.plain(disk, 60), words.age(createdAt)),
    })),
    blocked: live ? (list?.memoryBlocked ?? []).map((reason) => words.plain(reason, 300)) : [],
    ...(shown.operationWord === undefined ? {} : { operation: operationOf(shown.operationWord, machine.operation?.percent) }),
    ...(problem ? { problem } : {}),
  };
}

function operationOf(text: string, percent: number | undefined): NonNullable<SnapshotsState["operation"]> {
  return { text, ...(percent === undefined ? {} : { percent }) };
}

function summary({ stateWord, list }: Shown, kept: readonly SnapshotView[], words: Words): string {
  if (!list) return stateWord;
  const bytes = kept.reduce((sum, { ownBytes }) => sum + ownBytes, 0);
  const count = kept.length === 1 ? l10n.t("1 snapshot") : l10n.t("{0} snapshots", kept.length);
  return [stateWord, ...(kept.length === 0 ? [] : [count, words.bytes(bytes)])].join(" · ");
}

function rowsOf(shown: Shown, list: SnapshotList, kept: readonly SnapshotView[], words: Words): SnapshotRow[] {
  const ids = new Set(kept.map(({ id }) => id));
  const currentParent = list.current !== null && ids.has(list.current) ? list.current : null;
  const inTime = [...kept].sort((left, right) => left.createdAt.localeCompare(right.createdAt));
  const present = { id: presentId, parent: currentParent };
  const graph = graphRows([...inTime, present], presentId);
  const byId = new Map(kept.map((snapshot) => [snapshot.id, snapshot]));
  const largest = Math.max(1, list.currentBytes, ...kept.map(({ ownBytes }) => ownBytes));
  return graph.map((row): SnapshotRow => {
    const snapshot = byId.get(row.id);
    return snapshot ? snapshotRow(snapshot, row, largest, words) : presentRow(shown, list, row, currentParent, largest, words);
  });
}

function snapshotRow(snapshot: SnapshotView, graph: SnapshotRow["graph"], largest: number, words: Words): SnapshotRow {
  const name = words.plain(snapshot.name, 100);
  const age = words.age(snapshot.createdAt);
  const holds = words.plain(snapshot.consistencyText);
  const size = words.bytes(snapshot.ownBytes);
  const problem = snapshot.problem === undefined ? undefined : words.plain(snapshot.problem, 300);
  return {
    id: snapshot.id,
    name,
    graph,
    parent: snapshot.parent,
    age,
    taken: words.time(snapshot.createdAt),
    kind: snapshot.consistency,
    holds,
    size,
    share: snapshot.ownBytes / largest,
    layers: snapshot.depth,
    automatic: snapshot.automatic,
    isBase: snapshot.current,
    hasChildren: snapshot.children > 0,
    hasThumbnail: snapshot.hasThumbnail,
    ...(snapshot.memoryBytes === null ? {} : { memory: words.bytes(snapshot.memoryBytes) }),
    ...(snapshot.note === undefined ? {} : { note: snapshot.note }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function presentRow(
  { stateWord, live }: Shown,
  list: SnapshotList,
  graph: SnapshotRow["graph"],
  parent: string | null,
  largest: number,
  words: Words,
): SnapshotRow {
  const name = l10n.t("Now");
  const size = parent === null ? "" : l10n.t("{0} written since", words.bytes(list.currentBytes));
  const holds = l10n.t("What the machine has now");
  return {
    id: presentId,
    name,
    graph,
    parent,
    age: stateWord,
    taken: "",
    kind: "present",
    holds,
    size,
    share: parent === null ? 0 : list.currentBytes / largest,
    automatic: false,
    isBase: false,
    hasChildren: false,
    hasThumbnail: live,
  };
}

function removedRow(snapshot: SnapshotView, words: Words): RemovedRow {
  const detail = [words.age(snapshot.createdAt), words.bytes(snapshot.ownBytes), words.plain(snapshot.consistencyText)].join(" · ");
  return { id: snapshot.id, name: words.plain(snapshot.name, 100), detail };
}

/** `left` and `right` are names. */
export function comparisonOf(compared: SnapshotComparison, left: string, right: string, words: Words): Comparison {
  const { leftBytes, rightBytes, sharedBytes } = compared;
  const all = Math.max(1, leftBytes + rightBytes + sharedBytes);
  const part = (what: "left" | "shared" | "right", label: string, bytes: number) => ({
    what,
    label,
    size: words.bytes(bytes),
    share: bytes / all,
  });
  return {
    left,
    right,
    differences: compared.definition.map(({ path, left: before, right: after }) => ({
      path: words.plain(path),
      left: valueWords(before, words),
      right: valueWords(after, words),
    })),
    space: [
      part("left", l10n.t("only in {0}", left), leftBytes),
      part("shared", l10n.t("in both"), sharedBytes),
      part("right", l10n.t("only in {0}", right), rightBytes),
    ],
  };
}

function valueWords(value: unknown, words: Words): string {
  if (value === undefined || value === null) return "–";
  return words.plain(typeof value === "string" ? value : JSON.stringify(value), 200);
}
