import { randomBytes, randomUUID } from "node:crypto";
import type { Definition, StateFile } from "../../model/index.ts";
import type { MachinePaths } from "../folder.ts";
import type { Machine } from "../machine.ts";
import { keyFiles } from "../sshKeys.ts";
import { readTextIfPresent } from "../storage.ts";

/**
 * A clone is another machine: its own UUID, MAC addresses and keys from the host's side. What lies in the guest is
 * changed by its agent (guestIdentity.ts).
 */

/** The definition of a clone. Fixed host ports are left to be chosen, since the first machine has them. */
export function cloneDefinition(definition: Definition, name: string): Definition {
  return {
    ...definition,
    id: randomUUID(),
    name,
    networks: definition.networks.map((network) => ({
      ...network,
      mac: randomMac(),
      ...(network.mode === "nat" ? { forwards: network.forwards.map(({ hostPort: _port, ...forward }) => forward) } : {}),
    })) as Definition["networks"],
  };
}

/**
 * The definition of a fork: its guest goes on, so its adapters keep their addresses (each fork has a NAT of its own).
 */
export function forkDefinition(definition: Definition, name: string): Definition {
  return goingOn(cloneDefinition(definition, name), definition);
}

/**
 * The definition under which a clone goes on with saved memory: its own, but with the adapters' addresses as they were.
 * Memory and the adapter's saved registers know these (QEMU takes them from there whatever the command line says), and
 * after a reset virtio takes the command line's: slirp would give that address another lease, and no forward would reach
 * it. Each machine has a network of its own, so the address is its alone; it gets its new one with its next cold start.
 */
export function goingOn(clone: Definition, before: Definition): Definition {
  const networks = clone.networks.map((network, index) => ({ ...network, mac: before.networks[index]?.mac ?? network.mac }));
  return { ...clone, networks: networks as Definition["networks"] };
}

/** QEMU's own prefix, then 24 random bits. */
function randomMac(): string {
  return `52:54:00:${[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
}

/** What the guest of a clone of `machine` is to become, kept in state.json until it is. */
export async function pendingIdentity(machine: Machine, name: string): Promise<NonNullable<StateFile["identity"]>> {
  const own = await publicKey(machine.paths);
  // A first machine that never became itself may have its own first machine's key inside.
  const loginKeysBefore = [...(own === undefined ? [] : [own]), ...(machine.state.identity?.loginKeysBefore ?? [])];
  return { hostname: name, machineId: randomBytes(16).toString("hex"), loginKeysBefore };
}

/** The base64 part of a machine's login key. */
export async function publicKey(paths: MachinePaths): Promise<string | undefined> {
  return (await readTextIfPresent(`${keyFiles(paths).login}.pub`))?.split(" ")[1]?.trim();
}
