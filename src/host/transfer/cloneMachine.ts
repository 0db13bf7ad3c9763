import type { Toolchain } from "../../backends/index.ts";
import {
  type CloneWay,
  cloneDefinition,
  copyBelongings,
  copyDisks,
  emptyState,
  linkDisks,
  type Machine,
  type MachinePaths,
  makeKeys,
  makePrivateFolder,
  pendingIdentity,
  saveState,
  suspendedClone,
  type Work,
  withPoint,
  writeFileAtomically,
} from "../../machine/index.ts";
import { asVivError, type Definition, firstBootAt, requireMachineName } from "../../model/index.ts";
import { definitionText } from "../definitions.ts";
import { requireFree, type StagingContext, stageMachine } from "../staging.ts";

export interface CloneRequest {
  readonly name: string;
  /** Name or id; absent: the machine's present. */
  readonly snapshot?: string | undefined;
  readonly linked: boolean;
  /** It goes on with the snapshot's memory, where it has one; otherwise it boots. */
  readonly memory?: boolean;
}

export interface CloneContext extends StagingContext {
  toolchain(): Promise<Toolchain>;
}

/**
 * Makes a machine of a machine's present, running or not, or of one of its snapshots: other identity, same content.
 * @returns how its files came about.
 * @throws VivError `exists`, `invalid-name`, `not-found` (snapshot), `damaged`, `disk-full`, `host-cannot`; nothing is left.
 */
export async function cloneMachine(machine: Machine, request: CloneRequest, context: CloneContext, work: Work): Promise<CloneWay> {
  const name = requireMachineName(request.name);
  requireFree(context, name);
  return withPoint(machine, "clone", request, work, async (point, operation) => {
    const definition = cloneDefinition(point.definition, name);
    let way: CloneWay = "copy";
    const disks = async (paths: MachinePaths) => {
      const made = request.linked ? await linkDisks(point, paths) : await copyDisks(point, paths, await context.toolchain(), operation);
      way = made.way;
      return made.disks;
    };
    const describe = (paths: MachinePaths, content: Definition) =>
      writeFileAtomically(paths.definition, definitionText(content), { durable: true });
    await operation.step(request.linked ? "linking" : "copying", { record: {} });
    await stageMachine(
      context,
      name,
      definition.id,
      async (paths) => {
        const identity = await pendingIdentity(machine, name);
        const suspended = request.memory ? await suspendedClone(point, paths, definition) : undefined;
        const firstBoot = firstBootAt(machine.state.firstBoot, point.record?.createdAt);
        const state = { ...emptyState(), ...firstBoot, identity, ...(suspended ? { suspended, wanted: "suspended" as const } : {}) };
        // What is flushed at the same time costs one flush. All are waited for, so that none writes into a removed folder.
        await allDone([
          // Where layers are shared the disks' files keep their names.
          ...(request.linked
            ? [disks(paths), describe(paths, definition)]
            : [disks(paths).then((copied) => describe(paths, { ...definition, disks: copied }))]),
          copyBelongings(point, paths),
          makeKeys(paths, definition),
          makePrivateFolder(paths.logs),
          saveState(paths, state, { durable: true }),
        ]);
        await operation.step("putting it in place", { record: {} });
      },
      operation.signal,
    );
    return way;
  });
}

async function allDone(parts: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(parts)).flatMap((part) => (part.status === "rejected" ? [part.reason as unknown] : []));
  // On a full disk each part fails in its own way; the one that says so is the reason.
  if (failed.length > 0) throw failed.find((reason) => asVivError(reason).code === "disk-full") ?? failed[0];
}
