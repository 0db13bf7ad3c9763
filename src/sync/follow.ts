import { lstat } from "node:fs/promises";
import type { VivClient, VivEvent } from "../api/index.ts";
import { asVivError, type ErrorCode, type VivError, vivError } from "../model/index.ts";
import { Bell } from "./bell.ts";
import { changesSince } from "./changes.ts";
import { isRuleFile } from "./rules.ts";
import { rescan, type Scan, scan } from "./scan.ts";
import { type Synced, type SyncRequest, SyncTarget } from "./sync.ts";
import { TreeWatcher } from "./watchTree.ts";

/** How a live sync stands. */
export type FollowState =
  | { readonly state: "syncing" }
  /** Both sides are the same; `last` is what the last change came to. */
  | { readonly state: "in-sync"; readonly last: Synced }
  /** The machine, its guest, the service or the folder is away, or something went wrong: it is tried again. */
  | { readonly state: "waiting"; readonly error: VivError };

export interface FollowOptions {
  /** The connection; asked for again when it was lost. */
  readonly connect: () => Promise<VivClient>;
  readonly home: string;
  readonly signal: AbortSignal;
  readonly onState: (state: FollowState) => void;
  /** Something a person should know, such as that changes are looked for now and then instead of told. */
  readonly onNote?: (text: string) => void;
}

/** A burst of changes is over when nothing came for so long … */
const quietMs = 40;
/** … or has gone on for so long. */
const patienceMs = 300;
/** How often a tree is read that cannot be watched. */
const blindMs = 1500;
/** How soon, and how seldom at most, what is away or failed is tried again when no event tells. */
const firstAwayMs = 250;
const lastAwayMs = 15_000;

/** What no waiting mends. */
const final: ReadonlySet<ErrorCode> = new Set(["usage", "invalid-name", "host-cannot", "version-conflict", "home-unusable", "internal"]);

/**
 * Keeps a guest's folder as one of this host is, until the signal: sends all, then each change. What goes away comes
 * back: the machine, its guest, the service, the folder. @throws VivError for what does not mend itself: `usage`, a
 * machine that is not (or no longer) there, `host-cannot`, `version-conflict`.
 */
export async function follow(request: SyncRequest, options: FollowOptions): Promise<void> {
  let awayMs = firstAwayMs;
  while (!options.signal.aborted) {
    const bell = new Bell(options.signal);
    let client: VivClient | undefined;
    const watched: (() => void)[] = [];
    try {
      options.onState({ state: "syncing" });
      client = await options.connect();
      const life = new MachineLife(request.machine);
      watched.push(client.onEvent((event) => life.takes(event) && bell.ring()));
      void client.closed.then(() => {
        life.lost = true;
        bell.ring();
      });
      await followWhileThere(client, request, options, bell, life, () => {
        awayMs = firstAwayMs;
      });
    } catch (error) {
      if (options.signal.aborted) return;
      const failure = asVivError(error);
      if (final.has(failure.code) || (await isRemoved(client, request, failure))) throw failure;
      options.onState({ state: "waiting", error: failure });
      await bell.wait(awayMs);
      awayMs = Math.min(awayMs * 2, lastAwayMs);
    } finally {
      for (const stop of watched) stop();
    }
  }
}

/** What a machine's events say that matters here: that it is another process, or can be reached again or no longer. */
class MachineLife {
  /** The connection is gone. */
  lost = false;
  /** It is not known that the guest is what it was. */
  changed = false;
  readonly #name: string;
  #known: string | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  takes(event: VivEvent): boolean {
    if (event.event !== "machine.changed") return event.event === "machine.removed" && event.name === this.#name && this.#turn();
    const { name, state, status } = event.machine;
    if (name !== this.#name) return false;
    const now = JSON.stringify([state, status]);
    if (now === this.#known) return false;
    this.#known = now;
    return this.#turn();
  }

  #turn(): boolean {
    this.changed = true;
    return true;
  }
}

/** One connection's time: a whole sync, then what changes. */
async function followWhileThere(
  client: VivClient,
  request: SyncRequest,
  options: FollowOptions,
  bell: Bell,
  life: MachineLife,
  onSuccess: () => void,
): Promise<never> {
  const { signal } = options;
  const work = { client, home: options.home, signal };
  const target = await SyncTarget.open(work, request);
  const { folder } = target.pair;
  let blind = false;
  const watcher = new TreeWatcher(folder, {
    onChange: () => bell.ring(),
    onBlind: (reason) => {
      blind = true;
      options.onNote?.(`${folder}: changes are looked for every ${blindMs / 1000} s: ${reason}.`);
    },
  });
  try {
    let scanned = await scan(folder, target.rules, signal);
    watcher.cover(foldersOf(scanned));
    let send = true;
    for (;;) {
      if (send) {
        life.changed = false;
        const last = await target.send(work, scanned);
        onSuccess();
        options.onState({ state: "in-sync", last });
      }
      await bell.wait(blind ? blindMs : undefined);
      if (signal.aborted) throw vivError("cancelled", "Cancelled.");
      if (life.lost) throw vivError("daemon-unavailable", "The background service went away.");
      if (!life.changed) await bell.silence(quietMs, patienceMs);
      const { folders, everything } = watcher.take();
      const before = scanned;
      scanned =
        blind || everything ? await scan(folder, target.rules, signal) : await rescan(folder, target.rules, before, folders, signal);
      let changes = changesSince(before.tree, scanned.tree, scanned.unread);
      if ([...changes.put, ...changes.remove].some(isRuleFile)) {
        scanned = await scan(folder, target.rules, signal);
        changes = changesSince(before.tree, scanned.tree, scanned.unread);
      }
      watcher.cover(foldersOf(scanned));
      send = life.changed || changes.put.length > 0 || changes.remove.length > 0;
      if (send) options.onState({ state: "syncing" });
    }
  } finally {
    watcher.dispose();
  }
}

function foldersOf({ tree }: Scan): Set<string> {
  const folders = new Set([""]);
  for (const [path, { kind }] of tree) if (kind === "folder") folders.add(path);
  return folders;
}

/** A machine that is not there any more does not come back; a folder of this host may (a disk that is mounted again). */
async function isRemoved(client: VivClient | undefined, request: SyncRequest, failure: VivError): Promise<boolean> {
  if (failure.code !== "not-found") return false;
  const folder = await lstat(request.folder).catch(() => undefined);
  if (!folder || !client) return false;
  return client.call("machine.show", { machine: request.machine }).then(
    () => false,
    (error: unknown) => asVivError(error).code === "not-found",
  );
}
