import type { Definition, Forward, RuntimeForward } from "../../model/index.ts";
import { editMachine } from "../disks/edit.ts";
import type { Machine } from "../machine.ts";

/** Forwards as definitions have them: vm.json, and what is recorded of the running guest. */

export type Entry = Forward & { readonly adapter: number };

export function entriesOf(definition: Definition | undefined): Entry[] {
  return (definition?.networks ?? []).flatMap((network, adapter) =>
    network.mode === "nat" ? network.forwards.map((forward) => ({ ...forward, adapter })) : [],
  );
}

/** Is this what becomes of the entry? An entry without a host port takes any. `hostPort` null: it is not known yet. */
export function isOf(entry: Entry, forward: Omit<RuntimeForward, "hostPort"> & { readonly hostPort: number | null }): boolean {
  return (
    entry.adapter === forward.adapter &&
    entry.protocol === forward.protocol &&
    entry.guestPort === forward.guestPort &&
    entry.hostAddress === forward.hostAddress &&
    (entry.hostPort === undefined || entry.hostPort === forward.hostPort)
  );
}

export function withEntry(definition: Definition, { adapter, ...entry }: Entry): Definition {
  const networks = definition.networks.map((network, index) =>
    index === adapter && network.mode === "nat" ? { ...network, forwards: [...network.forwards, entry] } : network,
  );
  return { ...definition, networks };
}

export function withoutEntry(definition: Definition, gone: RuntimeForward): Definition {
  const networks = definition.networks.map((network, adapter) =>
    network.mode === "nat" ? { ...network, forwards: network.forwards.filter((entry) => !isOf({ ...entry, adapter }, gone)) } : network,
  );
  return { ...definition, networks };
}

/** Into vm.json; defaults are left out of the text. */
export async function writeEntry(machine: Machine, { adapter, protocol, hostAddress, hostPort, guestPort }: Entry): Promise<void> {
  await editMachine(machine, ({ networks }) => {
    const network = networks[adapter];
    if (network?.mode !== "nat") return [];
    const value = {
      ...(protocol === "tcp" ? {} : { protocol }),
      ...(hostAddress === "127.0.0.1" ? {} : { hostAddress }),
      ...(hostPort === undefined ? {} : { hostPort }),
      guestPort,
    };
    const path = ["networks", adapter, "forwards"];
    return [network.forwards.length > 0 ? { path: [...path, -1], value } : { path, value: [value] }];
  });
}

/** Out of vm.json, where it has it. */
export async function eraseEntry(machine: Machine, gone: Parameters<typeof isOf>[1]): Promise<void> {
  await editMachine(machine, ({ networks }) => {
    const network = networks[gone.adapter];
    const at = network?.mode === "nat" ? network.forwards.findIndex((entry) => isOf({ ...entry, adapter: gone.adapter }, gone)) : -1;
    return at < 0 ? [] : [{ path: ["networks", gone.adapter, "forwards", at], value: undefined }];
  });
}
