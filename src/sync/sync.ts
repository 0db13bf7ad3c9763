import { resolve } from "node:path";
import type { VivClient } from "../api/index.ts";
import { asVivError, vivError } from "../model/index.ts";
import { archive } from "./archive.ts";
import { type Changes, changesAgainst, changesSince } from "./changes.ts";
import type { Entry, LeftOut } from "./entry.ts";
import { deliver, type GuestFolder, list, stampOf } from "./guestFolder.ts";
import { Memories, type Memory, newStamp, type Pair } from "./memory.ts";
import { type RuleOptions, Rules } from "./rules.ts";
import { type Scan, scan } from "./scan.ts";

export interface SyncRequest extends RuleOptions {
  /** Of this host. */
  readonly folder: string;
  readonly machine: string;
  /** Absolute, in the guest; its content becomes the folder's. */
  readonly path: string;
  /** Also when the folder is empty though it was not before. */
  readonly force?: boolean;
}

/** Who syncs: the connection, where to remember, and what ends it. */
export interface SyncWork {
  readonly client: VivClient;
  readonly home: string;
  readonly signal: AbortSignal;
  /** What was sent so far, and of how many files. */
  readonly told?: (sent: { readonly files: number; readonly of: number; readonly bytes: number }) => void;
}

/** What a sync came to. */
export interface Synced {
  readonly machine: string;
  readonly folder: string;
  readonly path: string;
  /** Files, folders and links that were made or replaced. */
  readonly put: number;
  readonly removed: number;
  /** Of the archive that travelled. */
  readonly bytes: number;
  /** The guest's folder was listed, for nobody knew what it held. */
  readonly compared: boolean;
  readonly leftOut: readonly LeftOut[];
}

/**
 * Makes a guest's folder hold what a folder of this host holds. What the guest has of its own stays.
 * @throws VivError `not-found`, `agent-unavailable`, `agent-failed`, `disk-full`, `wrong-state`, `cancelled`.
 */
export async function sync(work: SyncWork, request: SyncRequest): Promise<Synced> {
  const target = await SyncTarget.open(work, request);
  return target.send(work, await scan(target.pair.folder, target.rules, work.signal));
}

/** One folder and its place in one machine, with what is remembered of both. */
export class SyncTarget {
  readonly pair: Pair;
  readonly rules: Rules;
  readonly #request: SyncRequest;
  readonly #memories: Memories;
  #memory: Memory | undefined;

  private constructor(request: SyncRequest, pair: Pair, rules: Rules, memories: Memories, memory: Memory | undefined) {
    this.#request = request;
    this.pair = pair;
    this.rules = rules;
    this.#memories = memories;
    this.#memory = memory;
  }

  static async open(work: Pick<SyncWork, "client" | "home">, request: SyncRequest): Promise<SyncTarget> {
    if (!request.path.startsWith("/") || request.path.split("/").includes(".."))
      throw vivError("usage", `${JSON.stringify(request.path)} is no absolute path in the guest.`, "For example hello:/work/src");
    const folder = resolve(request.folder);
    const path = request.path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");
    if (path === "/") throw vivError("usage", "The guest's whole file system cannot follow a folder.", "For example hello:/work/src");
    const [{ id }, rules] = await Promise.all([work.client.call("machine.show", { machine: request.machine }), Rules.of(folder, request)]);
    const memories = new Memories(work.home);
    const pair = { folder, machineId: id, path };
    return new SyncTarget(request, pair, rules, memories, await memories.read(pair));
  }

  get memory(): Memory | undefined {
    return this.#memory;
  }

  guest(client: VivClient): GuestFolder {
    return { client, machine: this.#request.machine, path: this.pair.path };
  }

  /** Brings the guest to what was scanned: by what changed since, or, where that is not known to hold, by comparing. */
  async send(work: SyncWork, scanned: Scan): Promise<Synced> {
    this.#refuseSuddenlyEmpty(scanned);
    const memory = this.#memory ?? (await this.#inherited(work));
    if (memory) {
      const changes = changesSince(memory.tree, scanned.tree, scanned.unread);
      // What fails because the guest changed things there is done again by comparing, which knows how they are.
      const sent = await this.#deliver(work, scanned, changes, memory, memory.stamp).catch((error: unknown) => {
        if (asVivError(error).code === "agent-failed") return undefined;
        throw error;
      });
      if (sent) return sent;
    }
    const guest = await list(this.guest(work.client), work.signal);
    const known = memory ?? (await this.#memories.others(this.pair))[0];
    const ours = known ? [...known.tree.keys(), ...known.removed] : [];
    const changes = changesAgainst(guest.tree, scanned.tree, ours, scanned.unread);
    const sent = await this.#deliver(work, scanned, changes, memory, undefined);
    if (!sent) throw vivError("agent-failed", `The guest's ${this.pair.path} is being changed by somebody else.`, "Sync again.");
    return sent;
  }

  /** Remembers what both sides are known to hold (after a pull). */
  async remember(memory: Memory): Promise<void> {
    this.#memory = memory;
    await this.#memories.write(this.pair, memory);
  }

  /** What a fork bears is its parent's stamp: what was remembered of the parent holds for it. */
  async #inherited(work: SyncWork): Promise<Memory | undefined> {
    const others = await this.#memories.others(this.pair);
    if (others.length === 0) return undefined;
    const stamp = await stampOf(this.guest(work.client), work.signal);
    return others.find((memory) => memory.stamp === stamp);
  }

  /** Undefined: the guest's folder does not bear the stamp, and nothing was touched. */
  async #deliver(
    work: SyncWork,
    scanned: Scan,
    changes: Changes,
    memory: Memory | undefined,
    was: string | undefined,
  ): Promise<Synced | undefined> {
    const tree = new Map(scanned.tree);
    // What lies in folders that could not be read is still there, as far as anybody knows.
    if (memory && scanned.unread.size > 0)
      for (const [path, entry] of memory.tree) if (!tree.has(path) && !changes.remove.includes(path)) tree.set(path, entry);
    const nothing = changes.put.length === 0 && changes.remove.length === 0;
    const now = nothing && was !== undefined ? was : newStamp();
    let [files, bytes] = [0, 0];
    const told = (path: string, entry: Entry | undefined) => {
      if (entry) tree.set(path, entry);
      else tree.delete(path);
      files += 1;
      bytes += entry?.size ?? 0;
      work.told?.({ files, of: changes.put.length, bytes });
    };
    const sent = await deliver(
      this.guest(work.client),
      { remove: changes.remove, archive: archive(this.pair.folder, changes.put, scanned.tree, told), was, now },
      work.signal,
    );
    if (sent.kind === "other-stamp") return undefined;
    const gone = changes.remove.filter((path) => !tree.has(path));
    const removed = [...(memory?.removed ?? []).filter((path) => !tree.has(path)), ...gone];
    this.#memory = { stamp: now, tree, removed };
    if (!nothing || !memory || was === undefined) await this.#memories.write(this.pair, this.#memory);
    return {
      machine: this.#request.machine,
      folder: this.pair.folder,
      path: this.pair.path,
      put: files,
      removed: gone.length,
      bytes: sent.bytes,
      compared: was === undefined,
      leftOut: scanned.leftOut,
    };
  }

  /** A disk that is not mounted looks like a folder from which everything was deleted. */
  #refuseSuddenlyEmpty(scanned: Scan): void {
    const before = this.#memory?.tree.size ?? 0;
    if (this.#request.force || scanned.tree.size > 0 || before < 2) return;
    throw vivError(
      "wrong-state",
      `${this.pair.folder} is empty; ${before} files and folders were in it at the last sync.`,
      "If they are meant to go in the guest as well: viv sync --force",
    );
  }
}
