import { isAlive } from "../../backends/index.ts";
import { asVivError, type Definition, mountPointOf, type PluggedShare, type Share, vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { chooseKind } from "./choose.ts";
import { forget, freeSharePort, hasShareDevice, plug, pluggedShares, unplug } from "./devices.ts";
import { type SharedFolder, sharedFolder } from "./folder.ts";
import { type GuestFacts, guestFacts, mountShare, unmountShare } from "./guest.ts";
import { hostWays } from "./host.ts";
import { startVirtiofsd } from "./virtiofsd.ts";

/** How often the host's folders and virtiofsd are looked at: nobody tells of either. */
const lookEveryMs = 2000;

/** How one share of a running machine is. */
export type ShareStanding =
  | { readonly state: "mounted"; readonly kind: PluggedShare["kind"]; readonly reason: string }
  | { readonly state: "waiting"; readonly reason: string }
  | { readonly state: "next-start" | "unavailable" | "folder-missing" | "lost"; readonly reason: string; readonly hint?: string };

/**
 * Keeps the shares of one running machine: puts them into the guest when an agent or SSH answers in it, takes them out
 * before its memory is saved, notices a folder that goes or comes and a virtiofsd that dies. One thing at a time; what
 * is already so is left alone, so it may be asked at any moment, also after another vivd.
 */
export class ShareKeeper {
  readonly #machine: Machine;
  readonly #session: Session;
  readonly #standings = new Map<string, ShareStanding>();
  readonly #ended = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(machine: Machine, session: Session) {
    this.#machine = machine;
    this.#session = session;
    void session.qmp.closed.then(() => this.#end());
  }

  standing(tag: string): ShareStanding {
    return this.#standings.get(tag) ?? { state: "waiting", reason: "waits for an agent or SSH in the guest" };
  }

  /** Every share into the guest, as far as can be. Never throws: what fails is the share's standing. */
  settle(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#held > 0 || this.#over) return;
      const shares = runningShares(this.#machine);
      if (shares.length === 0 && pluggedShares(this.#machine).length === 0) return;
      this.#timer ??= this.#watch();
      const facts = await guestFacts(this.#machine, this.#ended.signal).catch((error: unknown) => asVivError(error));
      for (const share of shares) await this.#settleOne(share, facts);
    });
  }

  /** Takes shares out of the guest until `release`. @returns why some stay. */
  async hold(): Promise<string[]> {
    this.#held += 1;
    const problems: string[] = [];
    await this.#enqueue(async () => {
      for (const share of pluggedShares(this.#machine)) {
        const problem = await this.takeOut(share);
        if (problem !== undefined) problems.push(problem);
        else this.#set(share.tag, { state: "waiting", reason: "the machine's memory is being saved" });
      }
    });
    return problems;
  }

  release(): void {
    this.#held -= 1;
    if (this.#held === 0) void this.settle();
  }

  /** One share out of the guest. @returns why it stays. */
  async remove(tag: string): Promise<string | undefined> {
    let problem: string | undefined;
    await this.#enqueue(async () => {
      const share = pluggedShares(this.#machine).find((each) => each.tag === tag);
      problem = share && (await this.takeOut(share));
      if (problem === undefined) this.#standings.delete(tag);
    });
    return problem;
  }

  /** Nothing else happens to shares meanwhile. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#enqueue(work);
  }

  async #settleOne(share: Share, facts: GuestFacts | Error): Promise<void> {
    const { tag } = share;
    try {
      const folder = await sharedFolder(share.path, this.#machine.host.homeFolder).catch((error: unknown) => asVivError(error));
      if (folder instanceof Error) return this.#set(tag, { state: "folder-missing", ...words(folder) });
      if (facts instanceof Error) return this.#set(tag, { state: "waiting", ...words(facts) });
      const kept = await this.#keep(share, folder);
      if (kept === "stays") return;
      const choice = chooseKind(share.kind, await hostWays(this.#machine, share, folder), facts);
      if (choice.kind === undefined) {
        const { reason, hint, atNextStart } = choice;
        return this.#set(tag, { state: atNextStart ? "next-start" : "unavailable", reason, hint });
      }
      const plugged = kept ?? (await this.plug(share, choice.kind, folder, facts));
      await mountShare(this.#machine, { ...plugged, readOnly: share.readOnly }, this.#ended.signal);
      this.#set(tag, { state: "mounted", kind: plugged.kind, reason: choice.reason });
    } catch (error) {
      if (!this.#over) this.#set(tag, { state: "unavailable", ...words(asVivError(error)) });
    }
  }

  /** The device that serves this very folder; one that does not is taken out first. */
  async #keep(share: Share, folder: SharedFolder): Promise<PluggedShare | undefined | "stays"> {
    const plugged = pluggedShares(this.#machine).find(({ tag }) => tag === share.tag);
    if (!plugged) return undefined;
    if (!(await hasShareDevice(this.#session, plugged.tag))) {
      await forget(this.#machine, this.#session, plugged);
      return undefined;
    }
    if (plugged.process && !(await isAlive(plugged.process))) {
      this.#lost(plugged);
      return "stays";
    }
    if (plugged.inode === folder.inode && plugged.mountPoint === mountPointOf(share)) return plugged;
    const problem = await this.takeOut(plugged);
    if (problem === undefined) return undefined;
    this.#set(share.tag, { state: "unavailable", reason: `the folder is another one now. ${problem}` });
    return "stays";
  }

  /** Gives the guest the device of a share. It is not mounted yet. */
  async plug(
    share: Pick<Share, "tag" | "readOnly" | "mountPoint">,
    kind: PluggedShare["kind"],
    folder: SharedFolder,
    facts: GuestFacts,
  ): Promise<PluggedShare> {
    const port = freeSharePort(this.#machine);
    if (port === undefined)
      throw vivError("wrong-state", `All ports for shared folders of ${this.#machine.name} are in use.`, "Remove a share first.");
    const served =
      kind === "virtiofs" ? await startVirtiofsd(this.#machine, await this.#machine.host.toolchain(), share, folder, facts) : undefined;
    const plugged: PluggedShare = {
      ...{ tag: share.tag, kind, port, path: folder.path, inode: folder.inode, mountPoint: mountPointOf(share) },
      ...(served ? { process: served.process } : {}),
    };
    await plug(this.#machine, this.#session, plugged, served?.socket ?? "");
    return plugged;
  }

  /** Unmounts and unplugs. @returns why it stays. */
  async takeOut(share: PluggedShare): Promise<string | undefined> {
    const { name } = this.#machine;
    if (share.process && !(await isAlive(share.process)))
      return `the shared folder ${share.tag} hangs, because its virtiofsd ended; restart ${name}`;
    if (this.#session.runState !== "running")
      return `the shared folder ${share.tag} can be taken from a running guest only; resume ${name} first`;
    try {
      await unmountShare(this.#machine, share, this.#ended.signal);
      if (await unplug(this.#machine, this.#session, share)) return undefined;
      return `the guest did not let go of the shared folder ${share.tag}`;
    } catch (error) {
      return asVivError(error).message;
    }
  }

  #watch(): NodeJS.Timeout {
    const timer = setInterval(() => void this.#look().catch(() => undefined), lookEveryMs);
    timer.unref();
    return timer;
  }

  async #look(): Promise<void> {
    for (const share of runningShares(this.#machine)) {
      const plugged = pluggedShares(this.#machine).find(({ tag }) => tag === share.tag);
      const was = this.standing(share.tag).state;
      if (plugged?.process && was === "mounted" && !(await isAlive(plugged.process)) && !this.#over) this.#lost(plugged);
      if (was !== "mounted" && was !== "folder-missing") continue;
      const folder = await sharedFolder(share.path, this.#machine.host.homeFolder).catch((error: unknown) => asVivError(error));
      if (folder instanceof Error) {
        if (was === "mounted") this.#missing(share, folder);
      } else if (was === "folder-missing" || (plugged && plugged.inode !== folder.inode)) await this.settle();
    }
  }

  #missing(share: Share, why: Error): void {
    this.#set(share.tag, { state: "folder-missing", ...words(why) });
    this.#machine.host.notice(
      this.#machine,
      "warning",
      `The shared folder ${share.tag} (${share.path}) is gone from this host. The guest goes on without it.`,
      "Make the folder again: it comes back by itself.",
    );
  }

  #lost({ tag }: PluggedShare): void {
    if (this.standing(tag).state === "lost") return;
    const reason = "its virtiofsd ended; programs of the guest that use it hang";
    const hint = `Restart the machine: viv restart ${this.#machine.name}`;
    this.#set(tag, { state: "lost", reason, hint });
    this.#machine.host.notice(this.#machine, "error", `The shared folder ${tag} is lost: ${reason}.`, hint);
  }

  #set(tag: string, standing: ShareStanding): void {
    if (JSON.stringify(this.#standings.get(tag)) === JSON.stringify(standing)) return;
    this.#standings.set(tag, standing);
    this.#machine.host.storageChanged(this.#machine);
  }

  get #over(): boolean {
    return this.#ended.signal.aborted || this.#machine.session !== this.#session;
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#ended.abort();
  }
}

function words({ message, hint }: Error & { hint?: string | undefined }): { reason: string; hint?: string } {
  return { reason: message, ...(hint ? { hint } : {}) };
}

/** What the process was started with, and what came since. */
export function runningShares(machine: Machine): readonly Share[] {
  return (machine.state.run?.definition as Definition | undefined)?.shares ?? [];
}

const keepers = new WeakMap<Session, ShareKeeper>();

export function keeperOf(machine: Machine, session: Session): ShareKeeper {
  const keeper = keepers.get(session) ?? new ShareKeeper(machine, session);
  keepers.set(session, keeper);
  return keeper;
}

/** An agent or SSH answers in the guest: its shared folders are mounted. */
export function returnShares(machine: Machine, session: Session): void {
  void keeperOf(machine, session).settle();
}

/**
 * Runs `body` while the guest has none of its shared folders: a saved state must not need the host's.
 * @param body is told why some could not be taken out
 */
export async function withoutShares<T>(machine: Machine, session: Session, body: (problems: string[]) => Promise<T>): Promise<T> {
  const keeper = keeperOf(machine, session);
  const problems = await keeper.hold();
  try {
    return await body(problems);
  } finally {
    keeper.release();
  }
}
