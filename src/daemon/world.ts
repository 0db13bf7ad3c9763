import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import type { MachineSummary, VivEvent } from "../api/index.ts";
import { localHost, type Platform, type ProcessIdentity, processor } from "../backends/index.ts";
import { ContentKeeper, freePort, type Home, Library, Networks, portIsFree, TemplateStore, Toolchains } from "../host/index.ts";
import type { Machine, MachineHost } from "../machine/index.ts";
import type { Architecture } from "../model/index.ts";
import { PortWatches } from "./portWatches.ts";
import { segmentProgram } from "./segmentProgram.ts";
import { SshConfigKeeper } from "./sshConfigHandlers.ts";
import { summaryOf } from "./views.ts";

/** Changes of one machine within this time make one event. */
const coalesceMs = 5;

/** Everything the service owns: the home, its machines, the toolchain; and the events they cause. */
export class World {
  readonly home: Home;
  readonly self: ProcessIdentity;
  readonly toolchains: Toolchains;
  readonly library: Library;
  readonly templates: TemplateStore;
  readonly sshConfig = new SshConfigKeeper(this);
  readonly contents: ContentKeeper;
  readonly portWatches: PortWatches;
  readonly networks: Networks;
  /** Where the programs, the bundle and the guests came from. */
  readonly distFolder: string | undefined;
  readonly startedAt = Date.now();
  readonly cores = availableParallelism();
  readonly memoryBytes = totalmem();
  operations = 0;
  readonly #emit: (event: VivEvent) => void;
  readonly #pending = new Map<string, NodeJS.Timeout>();
  readonly #lastSent = new Map<string, string>();

  constructor(home: Home, self: ProcessIdentity, emit: (event: VivEvent) => void) {
    this.home = home;
    this.self = self;
    this.#emit = emit;
    this.portWatches = new PortWatches(emit);
    const dist = distFolder();
    this.distFolder = dist;
    this.toolchains = new Toolchains({
      home: home.folder,
      qemuPath: process.env.VIVARIUM_QEMU_PATH,
      ...(dist ? { bundlesFolder: join(dist, "bundle") } : {}),
    });
    const host = this.#machineHost();
    this.templates = new TemplateStore(home.templates, host);
    this.library = new Library(home, host, ({ id, name }) => {
      this.#emit({ event: "machine.removed", at: now(), id, name });
      this.sshConfig.touch();
    });
    this.networks = new Networks(
      home,
      () => this.library.all,
      () => segmentProgram(this.toolchains),
      () => this.#emit({ event: "network.changed", at: now() }),
    );
    this.contents = new ContentKeeper(
      () => this.library.all,
      (machine, file) => this.#fileWasAltered(machine, file),
    );
  }

  /** Images that came with Vivarium: `guest/<arch>/` beside the program. */
  get guestFolder(): string | undefined {
    const dist = distFolder();
    return process.env.VIVARIUM_GUESTS ?? (dist ? join(dist, "guest") : undefined);
  }

  /** Is there a reason to stay? */
  get busy(): boolean {
    return this.operations > 0 || this.library.all.some((machine) => machine.state.run !== undefined || machine.busy !== undefined);
  }

  async hostArchitecture(): Promise<Architecture> {
    return (await processor(localHost())).architecture;
  }

  dispose(): void {
    for (const timer of this.#pending.values()) clearTimeout(timer);
    this.contents.dispose();
    this.networks.dispose();
    this.sshConfig.dispose();
    this.library.dispose();
  }

  #machineHost(): MachineHost {
    return {
      platform: process.platform as Platform,
      self: this.self,
      homeFolder: this.home.folder,
      cores: this.cores,
      memoryBytes: this.memoryBytes,
      runFolder: this.home.run,
      agentProgram: (architecture) => this.#agentProgram(architecture),
      toolchain: () => this.toolchains.current(),
      toolchainById: (id) => this.toolchains.byId(id),
      accelerator: (definition) => this.toolchains.accelerator(definition),
      requireOwnRunFolder: (machine) => this.library.requireOwnRunFolder(machine as Machine),
      freePort,
      portIsFree,
      attachNetworks: (machine, definition) => this.networks.attach(machine, definition),
      changed: (machine) => this.#changed(machine as Machine),
      storageChanged: ({ id }) => this.storageChanged(id),
      readiness: ({ id, name }, step, ms) => this.#emit({ event: "machine.readiness", at: now(), id, name, step, ms }),
      notice: ({ id, name }, level, message, hint) =>
        this.#emit({ event: "machine.notice", at: now(), id, name, level, message, ...(hint ? { hint } : {}) }),
    };
  }

  async #agentProgram(architecture: Architecture): Promise<Buffer | undefined> {
    const { guestFolder } = this;
    return guestFolder === undefined ? undefined : readFile(join(guestFolder, architecture, "viv-agent")).catch(() => undefined);
  }

  /** Snapshots, disks or media changed, of one machine or of any. */
  storageChanged(machine: string | undefined): void {
    this.contents.nudge();
    for (const { id, name } of this.library.all)
      if (machine === undefined || machine === id || machine === name) this.#emit({ event: "machine.storageChanged", at: now(), id, name });
  }

  #fileWasAltered(machine: Machine, file: string): void {
    const { id, name } = machine;
    const message = `${file}, which snapshots need, was changed by something else than Vivarium.`;
    const hint = `\`viv snapshot check ${name}\` says which snapshots need it. Bring it back from a backup.`;
    this.#emit({ event: "machine.notice", at: now(), id, name, level: "warning", message, hint });
    this.#emit({ event: "machine.storageChanged", at: now(), id, name });
  }

  templatesChanged(): void {
    this.#emit({ event: "template.changed", at: now() });
  }

  /** The store of images is not what it was. */
  imagesChanged(): void {
    this.#emit({ event: "image.changed", at: now() });
  }

  /** One event for a burst of changes, and none when nothing a view shows has changed. */
  #changed(machine: Machine): void {
    this.networks.nudge();
    const key = machine.paths.folder;
    if (this.#pending.has(key)) return;
    const timer = setTimeout(() => {
      this.#pending.delete(key);
      if (!this.library.holds(machine)) return;
      const summary: MachineSummary = summaryOf(machine);
      const text = JSON.stringify(summary);
      if (this.#lastSent.get(key) === text) return;
      this.#lastSent.set(key, text);
      this.sshConfig.touch();
      this.#emit({ event: "machine.changed", at: now(), machine: summary });
    }, coalesceMs);
    this.#pending.set(key, timer);
  }
}

function now(): string {
  return new Date().toISOString();
}

/** `dist/`: where the bundle and the guests are; a vivd that was handed over is told (runtime.ts). */
function distFolder(): string | undefined {
  if (process.env.VIVARIUM_DIST !== undefined) return process.env.VIVARIUM_DIST;
  const script = process.argv[1];
  if (script === undefined) return undefined;
  return script.endsWith("vivd.js") ? dirname(script) : join(dirname(script), "..", "..", "dist");
}
