import * as vscode from "vscode";
import type { MachineSummary, SnapshotList, SnapshotView } from "../../api/index.ts";
import { ageWords, bytesWords, isWhole, pickMachine, plain, snapshotIcon } from "../../editor/index.ts";
import type { SnapshotNode } from "../../vmtree/index.ts";
import { type Command, presentError, type Work } from "../command.ts";

const { l10n } = vscode;

export interface PickedSnapshot {
  readonly machine: MachineSummary;
  readonly snapshot: SnapshotView;
  readonly list: SnapshotList;
}

interface SnapshotVerb {
  /** Title of the pickers when nothing was pointed at. */
  title(): string;
  /** Which snapshots are offered; absent: those that are not removed. */
  fits?(snapshot: SnapshotView): boolean;
  /** Said when no snapshot fits. */
  none(machine: string): string;
  /** `rest`: what other code passed after machine and snapshot. */
  run(work: Work, picked: PickedSnapshot, ...rest: unknown[]): Promise<unknown>;
}

/**
 * A verb for one snapshot: of a row of the tree, named by other code (`machine, snapshot`), or asked for in two steps.
 * Errors are shown with what mends them for that machine.
 */
export function snapshotVerb(verb: SnapshotVerb): Command {
  const command: Command = async (work, ...args) => {
    const row = rowsOf(work, args)[0];
    const machine = await pickMachine(work.editor, row ? [{ machine: row.machine }] : args, {
      title: verb.title(),
      fits: isWhole,
      none: l10n.t("There is no machine whose vm.json can be read."),
    });
    if (!machine) return undefined;
    const named = row?.snapshot.id ?? (typeof args[1] === "string" ? args[1] : undefined);
    try {
      const list = await work.editor.storage.snapshots(machine.id);
      const snapshot = named === undefined ? await ask(verb, machine, list) : byNameOrId(list, named);
      return snapshot && (await verb.run(work, { machine, snapshot, list }, ...args.slice(2)));
    } catch (error) {
      presentError(work, error, machine, () => command(work, machine.id, named, ...args.slice(2)));
      return undefined;
    }
  };
  return command;
}

/** A verb that is done to each of the selected rows, one after the other. */
export function forEachRow(command: Command): Command {
  return async (work, ...args) => {
    const rows = rowsOf(work, args);
    if (rows.length < 2) return command(work, ...args);
    const results: unknown[] = [];
    for (const row of rows) results.push(await command(work, row));
    return results;
  };
}

/** The rows a menu was opened on, or those that are selected when a key was pressed. */
function rowsOf({ editor }: Work, [first, selected]: readonly unknown[]): SnapshotNode[] {
  const keyed = (first as { selection?: unknown } | undefined)?.selection === true;
  const rows = keyed ? editor.selection() : Array.isArray(selected) && selected.length > 0 ? selected : [first];
  return rows.filter((one): one is SnapshotNode => (one as Partial<SnapshotNode> | undefined)?.kind === "snapshot");
}

/** Removed ones can be meant by id alone: their names may be taken again. */
function byNameOrId(list: SnapshotList, nameOrId: string): SnapshotView {
  const found =
    list.snapshots.find(({ id }) => id === nameOrId) ?? list.snapshots.find((one) => one.name === nameOrId && one.removedAt === null);
  if (!found) throw new Error(l10n.t("There is no snapshot “{0}”.", plain(nameOrId)));
  return found;
}

async function ask(verb: SnapshotVerb, machine: MachineSummary, list: SnapshotList): Promise<SnapshotView | undefined> {
  const fits = verb.fits ?? (({ removedAt }: SnapshotView) => removedAt === null);
  const items = snapshotItems(list.snapshots.filter(fits));
  if (items.length === 0) {
    void vscode.window.showInformationMessage(verb.none(plain(machine.name)));
    return undefined;
  }
  const chosen = await vscode.window.showQuickPick(items, { title: verb.title(), matchOnDescription: true, matchOnDetail: true });
  return chosen?.snapshot;
}

interface SnapshotItem extends vscode.QuickPickItem {
  readonly snapshot: SnapshotView;
}

/** The newest first: it is nearly always meant. */
export function snapshotItems(snapshots: readonly SnapshotView[]): SnapshotItem[] {
  return [...snapshots]
    .sort((left, right) => right.createdAt.localeCompare(left.createdAt))
    .map((snapshot) => ({
      label: plain(snapshot.name),
      description: [
        ageWords(snapshot.createdAt, Date.now(), vscode.env.language),
        plain(snapshot.consistencyText),
        bytesWords(snapshot.ownBytes),
        snapshot.current ? l10n.t("the present grew from it") : undefined,
      ]
        .filter((part) => part !== undefined)
        .join(" · "),
      ...(snapshot.note === undefined ? {} : { detail: plain(snapshot.note) }),
      iconPath: snapshotIcon(snapshot),
      snapshot,
    }));
}
