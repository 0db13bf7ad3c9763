import { freeTag, mostShares, Share, vivError } from "../../model/index.ts";
import { editMachine, recordRunning } from "../disks/edit.ts";
import type { Work } from "../host.ts";
import type { Machine } from "../machine.ts";
import { sharedFolder } from "./folder.ts";
import { keeperOf, runningShares } from "./keeper.ts";
import { shareFacts } from "./list.ts";

/** Adding and removing shares: in vm.json, and in the running guest where it can be. */

export interface NewShare {
  /** Absolute. */
  readonly path: string;
  /** Absent: the folder's name. */
  readonly tag?: string | undefined;
  readonly kind: Share["kind"];
  readonly readOnly: boolean;
  readonly mountPoint?: string | undefined;
}

/** @returns the share's tag. @throws VivError as `sharedFolder`, `exists`, `wrong-state`, `invalid-definition`. */
export async function addShare(machine: Machine, request: NewShare, work: Work): Promise<string> {
  await sharedFolder(request.path, machine.host.homeFolder);
  return machine.operate("share", work, async () => {
    await machine.refreshDefinition();
    const { shares = [] } = machine.requireDefinition();
    const tag = request.tag ?? freeTag(request.path, shares);
    if (shares.some((share) => share.tag === tag))
      throw vivError("exists", `${machine.name} has a share ${tag} already.`, "Give another tag.");
    if (shares.length >= mostShares)
      throw vivError("wrong-state", `${machine.name} has ${mostShares} shares, which is the most.`, "Remove one first.");
    const { kind, readOnly, mountPoint } = request;
    const entry = {
      ...{ tag, path: request.path },
      ...(kind === "auto" ? {} : { kind }),
      ...(readOnly ? { readOnly } : {}),
      ...(mountPoint === undefined ? {} : { mountPoint }),
    };
    await editMachine(machine, () => [
      machine.definition?.shares ? { path: ["shares", -1], value: entry } : { path: ["shares"], value: [entry] },
    ]);
    const { session } = machine;
    // Without ports the process can take none.
    if (session && machine.state.run?.sharing) {
      await recordRunning(machine, (running) => ({ ...running, shares: [...runningShares(machine), Share.parse(entry)] }));
      await keeperOf(machine, session).settle();
      const { state } = await shareFacts(machine, tag);
      // What this process cannot have is vm.json's alone, and is said to wait for the next start.
      if (state === "next-start" || state === "unavailable") await dropFromRunning(machine, tag);
    }
    return tag;
  });
}

/** @throws VivError `not-found`, `wrong-state` when the guest keeps it busy; then nothing is changed. */
export async function removeShare(machine: Machine, tag: string, work: Work): Promise<void> {
  await shareFacts(machine, tag);
  await machine.operate("share", work, async () => {
    const { session } = machine;
    const problem = session && (await keeperOf(machine, session).remove(tag));
    if (problem !== undefined) {
      if (session) void keeperOf(machine, session).settle();
      throw vivError("wrong-state", `${problem[0]?.toUpperCase()}${problem.slice(1)}`, `Or stop ${machine.name} first.`);
    }
    await dropFromRunning(machine, tag);
    await editMachine(machine, ({ shares = [] }) => {
      const at = shares.findIndex((share) => share.tag === tag);
      if (at < 0) return [];
      return [{ path: ["shares", at], value: undefined }];
    });
  });
}

async function dropFromRunning(machine: Machine, tag: string): Promise<void> {
  // An empty list stays: the process has the ports.
  await recordRunning(machine, (running) => ({ ...running, shares: (running.shares ?? []).filter((share) => share.tag !== tag) }));
}
