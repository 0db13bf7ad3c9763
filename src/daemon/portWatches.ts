import type { VivEvent } from "../api/index.ts";
import { type GuestPort, type Machine, type PortWatch, watchPorts } from "../machine/index.ts";

interface Watched {
  readonly watch: Promise<PortWatch>;
  users: number;
  ports: readonly GuestPort[] | undefined;
}

/** What guests listen on, told by `machine.portsChanged` while somebody wants to know: one watch a machine, however many ask. */
export class PortWatches {
  readonly #emit: (event: VivEvent) => void;
  readonly #watched = new Map<string, Watched>();

  constructor(emit: (event: VivEvent) => void) {
    this.#emit = emit;
  }

  /** `close` gives it up; `ended` resolves when the guest tells no more. @throws VivError `agent-unavailable`, `wrong-state` */
  async open(machine: Machine): Promise<PortWatch> {
    const known = this.#watched.get(machine.id);
    const watched = known ?? this.#start(machine);
    watched.users += 1;
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      watched.users -= 1;
      if (watched.users === 0) this.#end(machine.id, watched);
    };
    try {
      const { ended } = await watched.watch;
      // Whoever comes later has not heard what was told before.
      if (known && watched.ports) this.#tell(machine, watched.ports);
      return { ended, close };
    } catch (error) {
      close();
      throw error;
    }
  }

  #start(machine: Machine): Watched {
    const watch = watchPorts(machine, (ports) => {
      watched.ports = ports;
      this.#tell(machine, ports);
    });
    const watched: Watched = { watch, users: 0, ports: undefined };
    this.#watched.set(machine.id, watched);
    watch.then(
      async ({ ended }) => {
        await ended;
        this.#end(machine.id, watched);
      },
      () => this.#end(machine.id, watched),
    );
    return watched;
  }

  #end(id: string, watched: Watched): void {
    if (this.#watched.get(id) === watched) this.#watched.delete(id);
    void watched.watch.then(
      (watch) => watch.close(),
      () => undefined,
    );
  }

  #tell({ id, name }: Machine, ports: readonly GuestPort[]): void {
    this.#emit({ event: "machine.portsChanged", at: new Date().toISOString(), id, name, ports: ports.map((port) => ({ ...port })) });
  }
}
