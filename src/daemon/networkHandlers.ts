import { isAbsolute } from "node:path";
import type { networkMethods, SegmentDetails, SegmentView } from "../api/index.ts";
import type { Networks } from "../host/index.ts";
import { type Impairment, networkDomain, vivError } from "../model/index.ts";
import type { HandlersOf } from "./handler.ts";

/** What the network methods of the API do: a line here, a method of host/networks. */
export const networkHandlers: HandlersOf<typeof networkMethods> = {
  "network.list": async (_params, { world }) => listView(world.networks),
  "network.show": async ({ network }, { world }) => details(world.networks, network),
  "network.create": async (request, { world }) => view(world.networks, (await world.networks.create(request)).name),
  "network.set": async ({ network, ...changes }, { world }) =>
    view(world.networks, (await world.networks.set(network, given(changes))).name),
  "network.remove": async ({ network }, { world }) => {
    await world.networks.remove(network);
    return {};
  },
  "network.impair": async ({ network, machine, impairment }, { world }) => {
    await world.networks.impair(network, machine, impairment === null ? undefined : (given(impairment) as Impairment));
    return details(world.networks, network);
  },
  "network.startCapture": async ({ network, file, machine, maximumBytes }, { world }) => {
    if (!isAbsolute(file)) throw vivError("usage", `“${file}” is not an absolute path.`);
    return world.networks.find(network).startCapture(file, machine, maximumBytes);
  },
  "network.stopCapture": async ({ network }, { world }) => world.networks.find(network).stopCapture(),
};

/** Without the keys that were left out. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function view(networks: Networks, name: string): SegmentView {
  const { definition, pid } = networks.find(name);
  const { subnet, dhcp, isolation, rules } = definition;
  return { name, kind: "segment", subnet, domain: networkDomain(name), dhcp, isolation, rules, machines: networks.machinesOn(name), pid };
}

function listView(networks: Networks): SegmentView[] {
  const damaged = [...networks.problems].map(
    ([name, problem]): SegmentView => ({
      name,
      kind: "segment",
      subnet: "",
      domain: networkDomain(name),
      dhcp: false,
      isolation: false,
      rules: [],
      machines: networks.machinesOn(name),
      pid: null,
      problem,
    }),
  );
  return [...networks.all.map(({ name }) => view(networks, name)), ...damaged];
}

async function details(networks: Networks, name: string): Promise<SegmentDetails> {
  const { network, segment } = await networks.status(name);
  const leases = [...(segment?.leases ?? [])];
  return {
    ...view(networks, name),
    ports: (segment?.ports ?? [])
      .map(({ key: _key, ...port }) => ({
        ...port,
        address: leases.find(({ mac }) => mac === port.mac)?.address ?? null,
        ...(network.impairments[port.machine] ? { impairment: network.impairments[port.machine] } : {}),
      }))
      .sort((left, right) => left.machine.localeCompare(right.machine)),
    leases,
    capture: segment?.capture ?? null,
  };
}
