import { LayerMap, type OperationRecord } from "../../model/index.ts";
import { endJob } from "../blockJobs.ts";
import { layersOf, loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { childrenOf, readGraph } from "./graph.ts";
import { continueGuest, reconcile } from "./live.ts";
import { cancelMigration } from "./memory.ts";
import { finishMerge, mergeJob } from "./merge.ts";
import { thawIfFrozen } from "./quiesce.ts";
import { sweep } from "./records.ts";
import { finishSwitch } from "./restore.ts";

/**
 * What the next vivd does with an operation on snapshots that broke off.
 *
 * | operation, step | process alive | process gone |
 * | --- | --- | --- |
 * | snapshot, before it is in snapshots.json | undone: saving is cancelled, a frozen guest thawed, it goes on; layers QEMU has gone over to stay | undone; the layers of the record are right either way |
 * | snapshot, in snapshots.json | finished | finished |
 * | restore, up to `ending QEMU` | undone: it goes on | undone: the present, stopped |
 * | restore, `switching` | – | finished: put back, with memory suspended in it |
 * | merge, `removing`, `deleting` | finished as far as the records say; what nobody needs is deleted | the same |
 * | merge, `merging`, `going over` | the job is ended, the record says what QEMU has | both layers are as valid as before |
 * | merge, `switching` | finished: the names in headers and records are changed | the same |
 */
export async function recoverSnapshots(machine: Machine, operation: OperationRecord, session: Session | undefined): Promise<void> {
  const { data } = operation;
  if (session) {
    await endJob(session, mergeJob);
    await cancelMigration(session);
    if (data["quiesced"] === true) await thawIfFrozen(session);
    const goOn = async () => {
      if (data["wasRunning"] === true) await continueGuest(session);
    };
    // After its memory was saved QEMU has put its images down and says nothing of them until it goes on. A guest that was
    // stopped for a merge goes on only when the record says what QEMU has.
    if (operation.kind !== "merge") await goOn();
    await reconcile(machine, session);
    await goOn();
    await session.refreshStatus();
  }
  if (operation.kind === "restore" && operation.step === "switching" && !machine.state.run) {
    const layers = LayerMap.safeParse(data["layers"]);
    if (layers.success && typeof data["target"] === "string") await finishSwitch(machine, data["target"], layers.data);
  }
  if (operation.kind === "merge" && data["way"] === "commit" && (operation.step === "switching" || session))
    await finishCommit(machine, operation);
  await sweep(machine, await loadSnapshots(machine.paths));
}

/**
 * A commit whose content is down: surely at `switching`, and before it where QEMU has already pointed the layer above to
 * the lower one, which it does last.
 */
async function finishCommit(machine: Machine, { data, step }: OperationRecord): Promise<void> {
  const file = await loadSnapshots(machine.paths);
  const graph = readGraph(machine.paths, file, machine.effectiveDefinition);
  const lower = graph.layers.get(String(data["lower"]));
  const upper = graph.layers.get(String(data["upper"]));
  if (!lower || !upper) return;
  const definition = machine.effectiveDefinition;
  const present = definition ? Object.values(layersOf(definition, file.current.layers)) : [];
  const above = childrenOf(graph, lower.name).filter(({ name }) => name !== upper.name);
  const wentOver = present.includes(lower.name) || above.length > 0;
  if (step === "switching" || wentOver) await finishMerge(machine, { way: "commit", lower, upper });
}
