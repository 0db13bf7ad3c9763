import { join } from "node:path";
import type { Impairment, SegmentDefinition } from "../../model/index.ts";
import { networkDomain, vivError } from "../../model/index.ts";
import { type CaptureStatus, requests, type SegmentStatus, type WantedPort } from "../../segment/index.ts";
import { type NetworkState, networkPaths, readState, writeDefinition, writeState } from "./files.ts";
import { adoptSegment, type SegmentPlace, type SegmentProcess, type SegmentProgram, startSegment } from "./segmentProcess.ts";

/** A process that lived shorter than this is not started again at once. */
const shortLifeMs = 2000;

/** One network: its files, and its process while a machine is on it. Everything that changes it happens one after the other. */
export class Network {
  definition: SegmentDefinition;
  readonly #paths: ReturnType<typeof networkPaths>;
  readonly #runFolder: string;
  readonly #program: SegmentProgram;
  readonly #changed: () => void;
  #state: NetworkState;
  #process: SegmentProcess | undefined;
  #startedAt = 0;
  #configured = "";
  #ports: readonly WantedPort[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(
    definition: SegmentDefinition,
    state: NetworkState,
    folder: string,
    runFolder: string,
    program: SegmentProgram,
    changed: () => void,
  ) {
    this.definition = definition;
    this.#state = state;
    this.#paths = networkPaths(folder);
    this.#runFolder = join(runFolder, definition.id.slice(0, 8));
    this.#program = program;
    this.#changed = changed;
  }

  /** Reads what is so, and takes up a process that runs. */
  static async open(
    definition: SegmentDefinition,
    folder: string,
    runFolder: string,
    program: SegmentProgram,
    changed: () => void,
  ): Promise<Network> {
    const network = new Network(definition, await readState(folder), folder, runFolder, program, changed);
    const { run } = network.#state;
    const found = run && (await adoptSegment(network.#place, run));
    if (found) network.#watch(found);
    return network;
  }

  get name(): string {
    return this.definition.name;
  }

  get impairments(): Readonly<Record<string, Impairment>> {
    return this.#state.impairments;
  }

  /** Who is on it now. */
  get ports(): readonly WantedPort[] {
    return this.#ports;
  }

  get pid(): number | null {
    return this.#process?.identity.pid ?? null;
  }

  socket(key: string): string {
    return join(this.#runFolder, key);
  }

  /** Makes the process be what the definition and these ports want: started, told, or ended when there are none. */
  want(ports: readonly WantedPort[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#ports = ports;
      await this.#apply();
    });
  }

  /** Writes a changed definition down, then has the process follow it. */
  change(definition: SegmentDefinition): Promise<void> {
    return this.#inTurn(async () => {
      await writeDefinition(this.#paths.folder, definition);
      this.definition = definition;
      await this.#apply();
    });
  }

  /** What a machine's link suffers from now on; undefined: nothing. */
  impair(machine: string, impairment: Impairment | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const { [machine]: _before, ...others } = this.#state.impairments;
      await this.#record({ ...this.#state, impairments: impairment === undefined ? others : { ...others, [machine]: impairment } });
      await this.#apply();
    });
  }

  async status(): Promise<SegmentStatus | undefined> {
    return this.#process?.control.sendRequest(requests.status, null).catch(() => undefined);
  }

  async startCapture(file: string, machine: string | undefined, maximumBytes: number): Promise<CaptureStatus> {
    return this.#ask((process) => process.control.sendRequest(requests.startCapture, { file, machine, maximumBytes }));
  }

  async stopCapture(): Promise<CaptureStatus | null> {
    return this.#ask((process) => process.control.sendRequest(requests.stopCapture, null));
  }

  /** Ends the process; the files stay. */
  end(): Promise<void> {
    return this.want([]);
  }

  /** Lets go of the process, which runs on. */
  dispose(): void {
    this.#disposed = true;
    this.#process?.control.end();
    this.#process?.control.dispose();
  }

  get #place(): SegmentPlace {
    const { folder, leases, log } = this.#paths;
    return { id: this.definition.id, name: this.name, runFolder: this.#runFolder, leases, log, folder };
  }

  async #apply(): Promise<void> {
    if (this.#ports.length === 0) return this.#stop();
    if (this.#process === undefined) await this.#start();
    const { subnet, dhcp, isolation, rules } = this.definition;
    const ports = this.#ports.map((port) => ({ ...port, impairment: this.impairments[port.machine] }));
    const wanted = { subnet, domain: networkDomain(this.name), dhcp, isolation, rules, ports };
    const text = JSON.stringify(wanted);
    if (text === this.#configured) return;
    await this.#process?.control.sendRequest(requests.configure, wanted);
    this.#configured = text;
    this.#changed();
  }

  async #start(): Promise<void> {
    const started = await startSegment(this.#place, this.#program);
    await this.#record({ ...this.#state, run: started.identity });
    this.#watch(started);
  }

  async #stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    this.#configured = "";
    if (process) {
      await process.control.sendRequest(requests.end, null).catch(() => undefined);
      await process.closed;
    }
    const { run, ...state } = this.#state;
    if (run) await this.#record(state);
    if (process || run) this.#changed();
  }

  #watch(process: SegmentProcess): void {
    this.#process = process;
    this.#startedAt = Date.now();
    this.#configured = "";
    void process.closed.then(() => {
      if (this.#process !== process || this.#disposed) return;
      this.#process = undefined;
      this.#configured = "";
      const pause = Date.now() - this.#startedAt < shortLifeMs ? 1000 : 0;
      setTimeout(() => void this.#inTurn(() => this.#apply()).catch(() => undefined), pause);
      this.#changed();
    });
  }

  /** About its capture. */
  async #ask<T>(request: (process: SegmentProcess) => Promise<T>): Promise<T> {
    const process = this.#process;
    if (process === undefined)
      throw vivError("wrong-state", `No machine is running on ${this.name}.`, "Start one; its network runs with it.");
    try {
      const answer = await request(process);
      this.#changed();
      return answer;
    } catch (error) {
      throw vivError("failed", `${this.name}: ${(error as Error).message}`, undefined, error);
    }
  }

  async #record(state: NetworkState): Promise<void> {
    await writeState(this.#paths.folder, state);
    this.#state = state;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.catch(() => undefined).then(work);
    this.#queue = done;
    return done;
  }
}
