import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Machine, runningDefinition } from "../../machine/index.ts";
import { type Definition, type Impairment, networkNamePattern, SegmentDefinition, vivError } from "../../model/index.ts";
import type { SegmentStatus, WantedPort } from "../../segment/index.ts";
import type { Home } from "../home.ts";
import { readDefinition, writeDefinition } from "./files.ts";
import { Network } from "./network.ts";
import type { SegmentProgram } from "./segmentProcess.ts";
import { freeSubnet, requireFreeSubnet } from "./subnets.ts";

/** After a change of a machine: who is on which network is looked at once for a burst. */
const settleMs = 50;

export interface NewNetwork {
  readonly name: string;
  readonly subnet?: string | undefined;
  readonly dhcp?: boolean | undefined;
  readonly isolation?: boolean | undefined;
  readonly rules?: SegmentDefinition["rules"] | undefined;
}

export interface NetworkStatus {
  readonly network: Network;
  /** Machines with an adapter on it, running or not. */
  readonly machines: readonly string[];
  readonly segment: SegmentStatus | undefined;
}

/** The networks of a home: one folder each. A network's process runs while a machine on it does. */
export class Networks {
  readonly #home: Home;
  readonly #machines: () => readonly Machine[];
  readonly #program: SegmentProgram;
  readonly #changed: () => void;
  readonly #networks = new Map<string, Network>();
  readonly #problems = new Map<string, string>();
  #settling: NodeJS.Timeout | undefined;

  constructor(home: Home, machines: () => readonly Machine[], program: SegmentProgram, changed: () => void) {
    this.#home = home;
    this.#machines = machines;
    this.#program = program;
    this.#changed = changed;
  }

  /** Reads every network and takes up the processes that run. */
  async open(): Promise<void> {
    const entries = await readdir(this.#home.networks, { withFileTypes: true });
    await Promise.all(entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => this.#load(name)));
    this.nudge();
  }

  get all(): Network[] {
    return [...this.#networks.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Folders whose network.json cannot be used, and why. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** @throws VivError `not-found`, `damaged` */
  find(name: string): Network {
    const found = this.#networks.get(name);
    if (found) return found;
    const problem = this.#problems.get(name);
    if (problem !== undefined)
      throw vivError("damaged", `The network ${name} cannot be used: ${problem}.`, `Mend ${join(this.#folder(name), "network.json")}`);
    throw vivError("not-found", `There is no network ${name}.`, `List them: viv net ls. Make it: viv net create ${name}`);
  }

  /** @throws VivError `exists`, `invalid-name`, `usage` */
  async create({ name, subnet, ...given }: NewNetwork): Promise<Network> {
    if (!networkNamePattern.test(name))
      throw vivError(
        "invalid-name",
        `${JSON.stringify(name.slice(0, 60))} cannot be a network's name.`,
        "Use a lower-case letter, then up to 30 lower-case letters, digits and dashes.",
      );
    const folder = this.#folder(name);
    if (this.#networks.has(name) || existsSync(folder)) throw vivError("exists", `There is a network ${name} already.`);
    const definition = SegmentDefinition.parse({
      schema: 1,
      id: randomUUID(),
      name,
      subnet: subnet === undefined ? freeSubnet(this.#subnets()) : requireFreeSubnet(subnet, this.#subnets()),
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeDefinition(folder, definition);
    const network = await this.#load(name);
    this.#changed();
    return network ?? this.find(name);
  }

  /** @throws VivError `wrong-state` for another subnet while machines run on it, `usage` */
  async set(name: string, changes: Partial<Pick<SegmentDefinition, "subnet" | "dhcp" | "isolation" | "rules">>): Promise<Network> {
    const network = this.find(name);
    const { subnet } = changes;
    if (subnet !== undefined && subnet !== network.definition.subnet) {
      requireFreeSubnet(subnet, this.#subnets(name));
      if (this.#portsOf(name).length > 0)
        throw vivError("wrong-state", `Machines run on ${name}: their addresses would be wrong.`, `Stop them first: viv net show ${name}`);
    }
    await network.change(SegmentDefinition.parse({ ...network.definition, ...changes }));
    this.#changed();
    return network;
  }

  /** @throws VivError `wrong-state` while a machine has an adapter on it */
  async remove(name: string): Promise<void> {
    const users = this.machinesOn(name);
    if (users.length > 0)
      throw vivError(
        "wrong-state",
        `${name} is used by ${users.join(", ")}.`,
        `Change their adapters first: viv set ${users[0]} networks.0.mode=none networks.0.network=`,
      );
    const network = this.#problems.has(name) ? undefined : this.find(name);
    await network?.end();
    network?.dispose();
    await rm(this.#folder(name), { recursive: true, force: true });
    this.#networks.delete(name);
    this.#problems.delete(name);
    this.#changed();
  }

  /** @throws VivError `not-found` when the machine is not on the network */
  async impair(name: string, machine: string, impairment: Impairment | undefined): Promise<void> {
    const network = this.find(name);
    if (!this.machinesOn(name).includes(machine))
      throw vivError("not-found", `${machine} is not on ${name}.`, `See who is: viv net show ${name}`);
    await network.impair(machine, impairment);
    this.#changed();
  }

  async status(name: string): Promise<NetworkStatus> {
    const network = this.find(name);
    return { network, machines: this.machinesOn(name), segment: await network.status() };
  }

  /** Names of machines with an adapter on it. */
  machinesOn(name: string): string[] {
    return this.#machines()
      .filter((machine) =>
        [machine.definition, machine.effectiveDefinition].some((definition) => definition && adaptersOn(definition, name).length > 0),
      )
      .map((machine) => machine.name);
  }

  /** Makes sure the networks of a machine that is about to start run. @returns its sockets by adapter */
  async attach(machine: { id: string; name: string }, definition: Definition): Promise<Record<number, string>> {
    const sockets: Record<number, string> = {};
    const names = new Set(definition.networks.flatMap((adapter) => (adapter.mode === "segment" ? [adapter.network] : [])));
    for (const name of names) {
      const network = this.find(name);
      const own = portsFor(machine, definition, name);
      const others = this.#portsOf(name).filter(({ key }) => !own.some((port) => port.key === key));
      const twin = own.flatMap((port) => others.filter(({ mac }) => mac === port.mac))[0];
      if (twin)
        throw vivError(
          "invalid-definition",
          `${machine.name} has the same MAC address as ${twin.machine} on ${name}: ${twin.mac}.`,
          `Give it another one: viv set ${machine.name} networks.0.mac=…`,
        );
      await network.want([...others, ...own]);
      for (const { adapter, key } of own) sockets[adapter] = network.socket(key);
    }
    return sockets;
  }

  /** A machine has changed: networks follow who runs. */
  nudge(): void {
    if (this.#networks.size === 0 || this.#settling !== undefined) return;
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      for (const network of this.all) void network.want(this.#portsOf(network.name)).catch(() => undefined);
    }, settleMs);
    this.#settling.unref();
  }

  dispose(): void {
    clearTimeout(this.#settling);
    for (const network of this.#networks.values()) network.dispose();
  }

  async #load(name: string): Promise<Network | undefined> {
    const folder = this.#folder(name);
    const found = await readDefinition(folder);
    this.#problems.delete(name);
    if (found === undefined || "problem" in found || found.name !== name) {
      this.#problems.set(
        name,
        found === undefined ? "network.json is missing" : "problem" in found ? found.problem : `it says it is ${found.name}`,
      );
      return undefined;
    }
    const network = await Network.open(found, folder, this.#home.run, this.#program, this.#changed);
    this.#networks.set(name, network);
    return network;
  }

  #folder(name: string): string {
    return join(this.#home.networks, name);
  }

  #subnets(except?: string): string[] {
    return this.all.filter(({ name }) => name !== except).map(({ definition }) => definition.subnet);
  }

  /** The ports of machines that run, or are about to. */
  #portsOf(name: string): (WantedPort & { adapter: number })[] {
    const attached = new Set(this.#networks.get(name)?.ports.map(({ key }) => key));
    return this.#machines().flatMap((machine) => {
      if (machine.state.run === undefined && machine.busy === undefined) return [];
      const definition = runningDefinition(machine) ?? machine.definition;
      const ports = definition ? portsFor(machine, definition, name) : [];
      // One that is about to run has been attached; one that is snapshotted while it is off has not.
      return machine.state.run ? ports : ports.filter(({ key }) => attached.has(key));
    });
  }
}

function adaptersOn(definition: Definition, name: string): number[] {
  return definition.networks.flatMap((adapter, index) => (adapter.mode === "segment" && adapter.network === name ? [index] : []));
}

function portsFor(machine: { id: string; name: string }, definition: Definition, name: string): (WantedPort & { adapter: number })[] {
  return adaptersOn(definition, name).map((adapter) => ({
    adapter,
    key: `${machine.id.slice(0, 8)}-${adapter}`,
    machine: machine.name,
    mac: definition.networks[adapter]?.mac ?? "",
  }));
}
