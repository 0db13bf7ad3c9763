import * as vscode from "vscode";
import type { MachineSummary, SnapshotView } from "../../api/index.ts";
import { factsOf, type Offer, plain } from "../../editor/index.ts";
import type { Work } from "../command.ts";

const { l10n } = vscode;

/** Nothing failed in the machine: it runs, it is gone, somebody else is at it, or the service is away. */
const notItsFault: ReadonlySet<string | undefined> = new Set(["cancelled", "wrong-state", "not-found", "locked", "daemon-unavailable"]);

/** One click from a start that failed to a machine that goes on where the last good snapshot was. */
export async function offerLastGood({ editor }: Work, machine: MachineSummary, error: unknown): Promise<Offer[]> {
  if (notItsFault.has(factsOf(error).code)) return [];
  const list = await editor.storage.snapshots(machine.id).catch(() => undefined);
  const last = lastGood(list?.snapshots ?? []);
  if (!last) return [];
  const run = () => vscode.commands.executeCommand("vivarium.snapshot.fork", machine.id, last.id, 1);
  return [{ title: l10n.t("Fork {0}", plain(last.name, 30)), run }];
}

/** The newest with memory that nothing is wrong with. */
export function lastGood(snapshots: readonly SnapshotView[]): SnapshotView | undefined {
  const good = snapshots.filter(
    ({ consistency, problem, removedAt }) => consistency === "memory" && problem === undefined && removedAt === null,
  );
  return good.sort((left, right) => right.createdAt.localeCompare(left.createdAt))[0];
}
