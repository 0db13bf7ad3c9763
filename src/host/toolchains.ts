import {
  type Choice,
  chooseAccelerator,
  findToolchain,
  type Host as HostFacts,
  type HostReport,
  hostReport,
  localHost,
  type Toolchain,
  unpackedToolchain,
} from "../backends/index.ts";
import type { Definition } from "../model/index.ts";

export interface ToolchainOptions {
  readonly home: string;
  readonly qemuPath?: string | undefined;
  readonly bundlesFolder?: string | undefined;
}

/** The QEMU in use and what it can do here, found once and kept; a failure is not kept, so that a repair helps at once. */
export class Toolchains {
  readonly #options: ToolchainOptions;
  readonly #facts: HostFacts = localHost();
  #toolchain: Promise<Toolchain> | undefined;
  #report: Promise<HostReport> | undefined;

  constructor(options: ToolchainOptions) {
    this.#options = options;
  }

  current(): Promise<Toolchain> {
    this.#toolchain ??= keepUnlessFailed(findToolchain({ host: this.#facts, ...this.#options }), () => {
      this.#toolchain = undefined;
    });
    return this.#toolchain;
  }

  async byId(id: string): Promise<Toolchain> {
    const current = await this.current();
    return current.id === id ? current : unpackedToolchain(this.#options.home, id);
  }

  report(fresh: boolean): Promise<HostReport> {
    if (fresh) this.#report = undefined;
    this.#report ??= keepUnlessFailed(
      this.current().then((toolchain) => hostReport({ host: this.#facts, toolchain, home: this.#options.home, refresh: fresh })),
      () => {
        this.#report = undefined;
      },
    );
    return this.#report;
  }

  async accelerator(definition: Pick<Definition, "architecture" | "accelerator" | "cpuModel">): Promise<Choice> {
    return chooseAccelerator(await this.report(false), {
      architecture: definition.architecture,
      accelerator: definition.accelerator,
      cpuModel: definition.cpuModel === "auto" ? undefined : definition.cpuModel,
    });
  }
}

function keepUnlessFailed<T>(work: Promise<T>, forget: () => void): Promise<T> {
  work.catch(forget);
  return work;
}
