import { isDeepStrictEqual } from "node:util";
import { asVivError, mountPointOf, type Share, type ShareKind, vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { sharedFolder } from "./folder.ts";
import { keeperOf, runningShares } from "./keeper.ts";

export interface ShareFacts {
  readonly tag: string;
  readonly path: string;
  readonly wanted: Share["kind"];
  /** What the guest has; null while it has nothing. */
  readonly kind: ShareKind | null;
  readonly readOnly: boolean;
  readonly mountPoint: string;
  readonly state: "mounted" | "waiting" | "next-start" | "unavailable" | "folder-missing" | "lost" | "not-running" | "leaving";
  /** Why it is this kind, or why it is not there. */
  readonly reason: string;
  readonly hint?: string;
}

/** The shares of vm.json, and those that the running guest still has of an older one. */
export async function listShares(machine: Machine): Promise<ShareFacts[]> {
  await machine.refreshDefinition();
  const defined = machine.requireDefinition().shares ?? [];
  const running = machine.state.run ? runningShares(machine) : [];
  const left = running.filter(({ tag }) => !defined.some((share) => share.tag === tag));
  return Promise.all([
    ...defined.map((share) => facts(machine, share, running)),
    ...left.map(async (share) => ({
      ...(await facts(machine, share, running)),
      state: "leaving" as const,
      reason: "no longer in vm.json; it goes when the machine stops",
    })),
  ]);
}

/** @throws VivError `not-found`. */
export async function shareFacts(machine: Machine, tag: string): Promise<ShareFacts> {
  const found = (await listShares(machine)).find((share) => share.tag === tag);
  if (!found) throw vivError("not-found", `${machine.name} has no share ${tag}.`, `See them: viv share ls ${machine.name}`);
  return found;
}

async function facts(machine: Machine, share: Share, running: readonly Share[]): Promise<ShareFacts> {
  const { tag, path, readOnly } = share;
  return {
    tag,
    path,
    wanted: share.kind,
    readOnly,
    mountPoint: mountPointOf(share),
    kind: null,
    ...(await standing(machine, share, running)),
  };
}

async function standing(
  machine: Machine,
  share: Share,
  running: readonly Share[],
): Promise<Pick<ShareFacts, "state" | "reason" | "hint"> & { kind?: ShareKind }> {
  const { session } = machine;
  if (!machine.state.run || !session) {
    const folder = await sharedFolder(share.path, machine.host.homeFolder).catch((error: unknown) => asVivError(error));
    if (folder instanceof Error) return { state: "folder-missing", reason: folder.message, ...(folder.hint ? { hint: folder.hint } : {}) };
    return { state: "not-running", reason: "mounted when the machine runs" };
  }
  const now = running.find(({ tag }) => tag === share.tag);
  if (!now || !isDeepStrictEqual(now, share))
    return { state: "next-start", reason: "takes effect at the next start", hint: `viv restart ${machine.name}` };
  return keeperOf(machine, session).standing(share.tag);
}
