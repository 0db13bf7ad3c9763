import { basename } from "node:path";
import {
  type Definition,
  errorReport,
  type FailureRecord,
  type OperationRecord,
  type OperationView,
  type StateFile,
  vivError,
} from "../model/index.ts";
import { deferred } from "../qemu/index.ts";
import {
  emptyState,
  type LoadedDefinition,
  loadDefinition,
  loadState,
  type MachinePaths,
  machinePaths,
  modifiedTime,
  type RunPaths,
  runPaths,
  saveState,
} from "./folder.ts";
import type { MachineHost, MachineIdentity, MachineView, Work } from "./host.ts";
import type { Session } from "./session.ts";
import { deriveStatus } from "./status.ts";
import { pauseForTest } from "./testPause.ts";

/** What a running operation can say and read. */
export interface Operation extends Work {
  /** Says the step, and with `record` writes it to state.json first, for the next vivd to finish or undo. */
  step(step: string, options?: { percent?: number; record?: Record<string, unknown> }): Promise<void>;
}

interface RunningOperation {
  readonly kind: OperationRecord["kind"];
  view: OperationView;
  readonly abort: AbortController;
  readonly done: Promise<unknown>;
  /** Short work of our own: shown nowhere, and whoever comes next waits for it. */
  readonly aside: boolean;
}

/**
 * One machine: its folder, its live session, and the one operation that may change it at a time. What it can do is
 * in the files beside this one, each a capability; they change facts only through `record`.
 */
export class Machine implements MachineIdentity {
  readonly host: MachineHost;
  paths: MachinePaths;
  session: Session | undefined;
  /** state.json was lost: whether a process runs must be found out. */
  readonly factsLost: boolean;
  #loaded: LoadedDefinition;
  #state: StateFile;
  #operation: RunningOperation | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #waiters = new Set<() => void>();

  private constructor(host: MachineHost, paths: MachinePaths, loaded: LoadedDefinition, state: StateFile, factsLost: boolean) {
    this.host = host;
    this.paths = paths;
    this.#loaded = loaded;
    this.#state = state;
    this.factsLost = factsLost;
  }

  /** Reads a machine's folder. Never throws for its content: damage becomes the state `damaged`. */
  static async load(host: MachineHost, folder: string): Promise<Machine> {
    const paths = machinePaths(folder);
    const [loaded, { state, rebuilt }] = await Promise.all([
      loadDefinition(paths),
      loadState(paths).catch(() => ({ state: emptyState(), rebuilt: true })),
    ]);
    const machine = new Machine(host, paths, loaded, state, rebuilt);
    if (rebuilt) host.notice(machine, "warning", "state.json is missing or cannot be read; facts are found anew.");
    return machine;
  }

  get name(): string {
    return basename(this.paths.folder);
  }

  /** The UUID the guest has; while nothing runs and nothing is saved, vm.json's. An edit by hand must not part us from a live QEMU. */
  get id(): string {
    const { run, suspended } = this.#state;
    const held = (run ?? suspended)?.definition as { id?: string } | undefined;
    return held?.id ?? this.definition?.id ?? `damaged-${this.name}`;
  }

  get run(): RunPaths {
    return runPaths(this.host.runFolder, this.id);
  }

  get state(): StateFile {
    return this.#state;
  }

  get definition(): Definition | undefined {
    return "definition" in this.#loaded ? this.#loaded.definition : undefined;
  }

  get definitionText(): string | undefined {
    return "definition" in this.#loaded ? this.#loaded.text : undefined;
  }

  /** Why vm.json cannot be used, if it cannot. */
  get damage(): { problem: string; hint: string } | undefined {
    if ("problem" in this.#loaded) return this.#loaded;
    if (this.#loaded.definition.name === this.name) return undefined;
    return {
      problem: `vm.json is named ${this.#loaded.definition.name}, its folder ${this.name}`,
      hint: `Set "name" in ${this.paths.definition} to "${this.name}".`,
    };
  }

  /** The definition, or the error that says why there is none. */
  requireDefinition(): Definition {
    const damage = this.damage;
    if (damage || !this.definition) throw vivError("damaged", `${this.name}: ${damage?.problem ?? "vm.json is missing"}.`, damage?.hint);
    return this.definition;
  }

  /** What the guest has now: the definition of the running process, else vm.json's. */
  get effectiveDefinition(): Definition | undefined {
    return (this.#state.run?.definition as Definition | undefined) ?? this.definition;
  }

  get view(): MachineView {
    return {
      status: deriveStatus(this, this.#operation?.aside ? undefined : this.#operation?.kind),
      operation: this.#operation?.aside ? undefined : this.#operation?.view,
    };
  }

  get busy(): OperationRecord["kind"] | undefined {
    return this.#operation?.kind;
  }

  /** Re-reads vm.json when the file changed since it was read. */
  async refreshDefinition(): Promise<void> {
    if ((await modifiedTime(this.paths.definition)) === this.#loaded.modifiedMs) return;
    await this.reloadDefinition();
    if (this.damage && this.#state.run)
      this.host.notice(this, "warning", `${this.damage.problem}. The running machine keeps what it has.`, this.damage.hint);
  }

  async reloadDefinition(): Promise<void> {
    this.#loaded = await loadDefinition(this.paths);
    this.changed();
  }

  changed(): void {
    this.host.changed(this);
    this.#wakeWaiters();
  }

  /** Waits for the next change of any kind, at most `timeoutMs`. @throws when the signal aborts. */
  async nextChange(timeoutMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve } = deferred<void>();
    this.#waiters.add(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    const stop = () => resolve();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", stop);
      clearTimeout(timer);
      this.#waiters.delete(resolve);
    }
    signal.throwIfAborted();
  }

  /** A step of readiness was reached: whoever waits looks again. */
  reachedReadiness(): void {
    this.#wakeWaiters();
  }

  /** The guest's clock stood still (suspend, host asleep): it is set as soon as the agent answers. */
  clockIsBehind(): void {
    const { session } = this;
    if (!session) return;
    void session.agent
      .look(5000)
      .then(async (answers) => {
        if (answers) await session.agent.client().then((agent) => agent.setTime(Date.now()));
      })
      .catch(() => this.host.notice(this, "warning", "The guest's clock could not be set."));
  }

  #wakeWaiters(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** Changes the facts and writes them. Writes follow one another; a reader never sees half a file. */
  record(change: (state: StateFile) => StateFile, options: { durable?: boolean; quiet?: boolean } = {}): Promise<void> {
    this.#state = change(this.#state);
    const snapshot = this.#state;
    const paths = this.paths;
    const written = this.#writing.then(() => saveState(paths, snapshot, { durable: options.durable ?? false }));
    this.#writing = written.catch(() => undefined);
    if (!options.quiet) this.changed();
    return written;
  }

  /**
   * As `record`, but what cannot be written (a full disk) is said and no reason to fail: a machine must be stoppable
   * then. The next vivd finds the same facts from the process.
   */
  async recordIfPossible(change: (state: StateFile) => StateFile, options: { quiet?: boolean } = {}): Promise<void> {
    await this.record(change, options).catch((error: unknown) => this.host.notice(this, "warning", errorReport(error).message));
  }

  /** The folder moved (rename); facts follow it. */
  async moveTo(folder: string): Promise<void> {
    await this.#writing;
    this.paths = machinePaths(folder);
    await this.reloadDefinition();
  }

  fail(failure: Omit<FailureRecord, "at">): Promise<void> {
    return this.record(({ run: _run, operation: _operation, ...state }) => ({
      ...state,
      failure: { ...failure, at: new Date().toISOString() },
    }));
  }

  /**
   * Runs an operation alone. A second request of a kind in `join` waits for the first and shares its outcome;
   * any other gets `locked`, unless it may interrupt (kill).
   */
  async operate<T>(
    kind: OperationRecord["kind"],
    work: Work,
    body: (operation: Operation) => Promise<T>,
    options: { interrupt?: boolean; aside?: boolean } = {},
  ): Promise<T> {
    while (this.#operation?.aside) await this.#operation.done.catch(() => undefined);
    while (this.#operation && options.interrupt) {
      this.#operation.abort.abort();
      await this.#operation.done.catch(() => undefined);
    }
    if (this.#operation) {
      throw vivError(
        "locked",
        `${this.name}: ${describeOperation(this.#operation.view)} is in progress.`,
        "Wait for it to end, or kill the machine.",
      );
    }
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, work.signal]);
    let finish: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const running: RunningOperation = { kind, view: { kind, step: "" }, abort, done, aside: options.aside ?? false };
    this.#operation = running;
    try {
      return await body({ signal, progress: work.progress, step: (step, stepOptions) => this.#step(running, work, step, stepOptions) });
    } catch (error) {
      throw signal.aborted ? vivError("cancelled", `${this.name}: ${kind} was cancelled.`, undefined, error) : error;
    } finally {
      this.#operation = undefined;
      if (this.#state.operation) await this.recordIfPossible(({ operation: _done, ...state }) => state);
      else this.changed();
      finish();
    }
  }

  /** Work that nobody asked for, a second or so: it begins when nothing else goes on, and nobody is refused because of it. */
  async operateAside(kind: OperationRecord["kind"], body: () => Promise<void>): Promise<void> {
    while (this.#operation) await this.#operation.done.catch(() => undefined);
    await this.operate(kind, { signal: new AbortController().signal, progress: () => undefined }, body, { aside: true });
  }

  /** Waits for a running operation of this kind; false when there is none. */
  async join(kind: OperationRecord["kind"]): Promise<boolean> {
    if (this.#operation?.kind !== kind) return false;
    await this.#operation.done;
    return true;
  }

  async #step(
    running: RunningOperation,
    work: Work,
    step: string,
    options: { percent?: number; record?: Record<string, unknown> } = {},
  ): Promise<void> {
    running.view = { kind: running.kind, step, ...(options.percent === undefined ? {} : { percent: options.percent }) };
    work.progress(running.view);
    const { record } = options;
    if (!record) this.changed();
    else {
      const write = running.kind === "stop" ? this.recordIfPossible.bind(this) : this.record.bind(this);
      await write((state) => ({
        ...state,
        operation: {
          kind: running.kind,
          step,
          startedAt: state.operation?.startedAt ?? new Date().toISOString(),
          owner: this.host.self,
          data: record,
        },
      }));
    }
    await pauseForTest(running.kind, step);
  }
}

export function describeOperation(view: OperationView): string {
  return view.step ? `${view.kind} (${view.step})` : view.kind;
}
