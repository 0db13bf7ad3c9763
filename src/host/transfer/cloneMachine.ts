import type { Toolchain } from "../../backends/index.ts";
import {
  type CloneWay,
  cloneDefinition,
  copyDisks,
  copyTpm,
  emptyState,
  linkDisks,
  type Machine,
  makeKeys,
  makePrivateFolder,
  pendingIdentity,
  saveState,
  type Work,
  withPoint,
  writeFileAtomically,
} from "../../machine/index.ts";
import { requireMachineName } from "../../model/index.ts";
import { definitionText } from "../definitions.ts";
import { requireFree, type StagingContext, stageMachine } from "../staging.ts";

export interface CloneRequest {
  readonly name: string;
  /** Name or id; absent: the machine's present. */
  readonly snapshot?: string | undefined;
  readonly linked: boolean;
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
    await operation.step(request.linked ? "linking" : "copying", { record: {} });
    await stageMachine(
      context,
      name,
      definition.id,
      async (paths) => {
        const keys = makeKeys(paths, definition);
        // Awaited below; a failure of the disks comes first.
        keys.catch(() => undefined);
        const copied = request.linked ? await linkDisks(point, paths) : await copyDisks(point, paths, await context.toolchain(), operation);
        way = copied.way;
        await copyTpm(point, paths);
        await keys;
        await makePrivateFolder(paths.logs);
        await writeFileAtomically(paths.definition, definitionText({ ...definition, disks: copied.disks }), { durable: true });
        await saveState(paths, { ...emptyState(), identity: pendingIdentity(name) }, { durable: true });
        await operation.step("putting it in place", { record: {} });
      },
      operation.signal,
    );
    return way;
  });
}
