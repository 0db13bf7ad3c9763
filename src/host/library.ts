import { existsSync, type FSWatcher, watch } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { followLimits, Machine, type MachineHost, neverRan, recover, removePartials } from "../machine/index.ts";
import { type ProcessIdentity, requireMachineName, vivError } from "../model/index.ts";
import type { Home } from "./home.ts";

/** Editors write a file in several steps; one look after they are done is enough. */
const settleMs = 50;

/** The machines of a home: one folder each. Notices folders and vm.json files that are changed by hand. */
export class Library {
  readonly #home: Home;
  readonly #host: MachineHost;
  readonly #machines = new Map<string, Machine>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #settling = new Map<string, NodeJS.Timeout>();
  readonly #onRemoved: (machine: { id: string; name: string }) => void;
  #scanning: Promise<void> = Promise.resolve();

  constructor(home: Home, host: MachineHost, onRemoved: (machine: { id: string; name: string }) => void) {
    this.#home = home;
    this.#host = host;
    this.#onRemoved = onRemoved;
  }

  /** Reads every machine and adopts what runs. Half-made machines of a vivd that died are removed. */
  async open(): Promise<void> {
    await removePartials(this.#home.folder);
    await this.#removeLeftovers();
    await this.scan();
    await Promise.all([...this.#machines.values()].filter(needsRecovery).map((machine) => recover(machine)));
    for (const machine of this.all.filter(neverRan)) {
      this.forget(machine);
      await rm(machine.paths.folder, { recursive: true, force: true });
    }
    this.#watch(this.#home.machines, () => void this.scan());
    // A thousand watchers take time that nobody should wait for.
    setImmediate(() => this.#watchDefinitions());
  }

  /** This vivd, the owner of operations in progress. */
  get self(): ProcessIdentity {
    return this.#host.self;
  }

  get all(): Machine[] {
    return [...this.#machines.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  folder(name: string): string {
    return join(this.#home.machines, name);
  }

  /** A machine by name or id. @throws VivError `not-found` with near names, `invalid-name`. */
  find(nameOrId: string): Machine {
    const byName = this.#machines.get(nameOrId);
    if (byName) return byName;
    const byId = this.all.find((machine) => machine.id === nameOrId);
    if (byId) return byId;
    if (!/^[0-9a-f-]{36}$/.test(nameOrId)) requireMachineName(nameOrId);
    const near = this.all.map((machine) => machine.name).filter((name) => distance(name, nameOrId) <= 2);
    throw vivError(
      "not-found",
      `There is no machine ${nameOrId}.`,
      near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "List them: viv ls",
    );
  }

  /** Is a name taken, by a machine or by any folder? */
  has(name: string): boolean {
    return this.#machines.has(name) || existsSync(this.folder(name));
  }

  /** False for a machine that was removed meanwhile. */
  holds(machine: Machine): boolean {
    return this.#machines.get(machine.name) === machine;
  }

  /** @throws VivError `damaged` while a machine of the same id runs: they would share their sockets. */
  requireOwnRunFolder(machine: Machine): void {
    const twin = this.all.find((other) => other !== machine && other.run.folder === machine.run.folder && (other.state.run || other.busy));
    if (!twin) return;
    throw vivError(
      "damaged",
      `${machine.name} has the same id as ${twin.name}, which runs.`,
      `Give the copy an id of its own: any other UUID as "id" in ${machine.paths.definition}`,
    );
  }

  async add(name: string): Promise<Machine> {
    const loaded = await Machine.load(this.#host, this.folder(name));
    // A scan may have seen the folder first, and somebody use it already.
    const machine = this.#machines.get(name) ?? loaded;
    this.#machines.set(name, machine);
    this.#watchDefinition(machine);
    machine.changed();
    return machine;
  }

  /** `id`: the one it was known by; a machine whose folder has gone already would tell another. */
  forget(machine: Machine, id = machine.id): void {
    this.#machines.delete(machine.name);
    this.#unwatch(machine.paths.folder);
    this.#onRemoved({ id, name: machine.name });
  }

  /** Takes up the name and folder a machine has got. */
  renamed(machine: Machine, from: string): void {
    this.#machines.delete(from);
    this.#unwatch(this.folder(from));
    this.#machines.set(machine.name, machine);
    this.#watchDefinition(machine);
    machine.changed();
  }

  /** Finds folders that came or went. One scan at a time. */
  scan(): Promise<void> {
    this.#scanning = this.#scanning.then(() => this.#scan());
    return this.#scanning;
  }

  dispose(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    for (const timer of this.#settling.values()) clearTimeout(timer);
    this.#watchers.clear();
    for (const machine of this.#machines.values()) machine.session?.dispose();
  }

  async #scan(): Promise<void> {
    const entries = await readdir(this.#home.machines, { withFileTypes: true });
    const names = new Set(entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map((entry) => entry.name));
    const fresh = [...names].filter((name) => !this.#machines.has(name));
    const loaded = await Promise.all(fresh.map((name) => Machine.load(this.#host, this.folder(name))));
    for (const machine of loaded) {
      if (this.#machines.has(machine.name)) continue;
      this.#machines.set(machine.name, machine);
      machine.changed();
    }
    for (const machine of this.all) {
      if (!names.has(machine.name) && !machine.state.run && !machine.busy) this.forget(machine);
    }
  }

  async #removeLeftovers(): Promise<void> {
    for (const folder of [this.#home.machines, this.#home.images]) {
      const names = await readdir(folder);
      await Promise.all(
        names
          .filter((name) => name.startsWith(".creating-") || name.startsWith(".adding-"))
          .map((name) => rm(join(folder, name), { recursive: true, force: true })),
      );
    }
  }

  #watchDefinitions(): void {
    for (const machine of this.all) this.#watchDefinition(machine);
  }

  #watchDefinition(machine: Machine): void {
    this.#watch(machine.paths.folder, (file) => {
      if (file !== null && file !== "vm.json") return;
      clearTimeout(this.#settling.get(machine.paths.folder));
      const timer = setTimeout(() => {
        this.#settling.delete(machine.paths.folder);
        void machine
          .refreshDefinition()
          .then(() => followLimits(machine))
          .catch(() => undefined);
      }, settleMs);
      this.#settling.set(machine.paths.folder, timer);
    });
  }

  /** Watching is a convenience: where the system has no watchers left, vm.json is read again before each use. */
  #watch(folder: string, listener: (file: string | null) => void): void {
    if (this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, (_kind, file) => listener(file));
      watcher.on("error", () => this.#unwatch(folder));
      watcher.unref();
      this.#watchers.set(folder, watcher);
    } catch {
      // ENOSPC: no inotify watches left; see above.
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}

function needsRecovery(machine: Machine): boolean {
  return machine.state.run !== undefined || machine.state.operation !== undefined || machine.factsLost;
}

/** Edits between two names, for “did you mean”. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
