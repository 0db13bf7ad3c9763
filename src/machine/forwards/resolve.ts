import { type Definition, type RuntimeForward, vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";

/**
 * Every forward with its host port. A machine with NAT and no forward to SSH gets one on a free port, the same as at
 * its last start when it is free. @throws VivError `host-cannot` when a fixed port is taken.
 */
export async function resolveForwards(
  machine: Machine,
  definition: Definition,
  again: readonly RuntimeForward[] | undefined,
): Promise<RuntimeForward[]> {
  const previous = again ?? machine.state.lastForwards ?? [];
  const resolved: RuntimeForward[] = [];
  for (const [adapter, network] of definition.networks.entries()) {
    if (network.mode !== "nat") continue;
    const needsSsh =
      adapter === definition.networks.findIndex((other) => other.mode === "nat") &&
      !network.forwards.some((forward) => forward.guestPort === 22 && forward.protocol === "tcp");
    const wanted = [...network.forwards, ...(needsSsh ? [{ protocol: "tcp" as const, hostAddress: "127.0.0.1", guestPort: 22 }] : [])];
    for (const forward of wanted) {
      const before = previous.find(
        (old) => old.adapter === adapter && old.guestPort === forward.guestPort && old.protocol === forward.protocol,
      );
      resolved.push({
        protocol: forward.protocol,
        hostAddress: forward.hostAddress,
        guestPort: forward.guestPort,
        adapter,
        hostPort: await hostPort(machine, forward, before?.hostPort),
      });
    }
  }
  return resolved;
}

async function hostPort(
  machine: Machine,
  forward: { protocol: "tcp" | "udp"; hostAddress: string; hostPort?: number | undefined; guestPort: number },
  before: number | undefined,
): Promise<number> {
  const { host } = machine;
  if (forward.hostPort === undefined) return host.freePort(forward.protocol, forward.hostAddress, before);
  if (await host.portIsFree(forward.protocol, forward.hostAddress, forward.hostPort)) return forward.hostPort;
  throw vivError(
    "host-cannot",
    `${machine.name}: port ${forward.hostPort} (${forward.protocol}) on ${forward.hostAddress} is taken by another program.`,
    `End that program, or leave "hostPort" out in vm.json for a free one (guest port ${forward.guestPort}).`,
  );
}

/** Is it the way to the guest's SSH server? */
export function isSsh({ protocol, guestPort }: Pick<RuntimeForward, "protocol" | "guestPort">): boolean {
  return protocol === "tcp" && guestPort === 22;
}
