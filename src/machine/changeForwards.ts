import { type Definition, Forward, type RuntimeForward, vivError } from "../model/index.ts";
import {
  adapterNames,
  checkForwardAnswer,
  infoUsernet,
  parseUsernet,
  removeForward as removeForwardCommand,
  type UsernetForward,
} from "../qemu/index.ts";
import { editMachine } from "./disks/edit.ts";
import { isSsh, openForward } from "./forwards.ts";
import type { Work } from "./host.ts";
import type { Machine } from "./machine.ts";
import type { Session } from "./session.ts";
import { runningDefinition } from "./settings.ts";

/** Forwards of NAT adapters that change while a guest runs: in QEMU, in what is recorded of the process, and in vm.json. */

export interface NewForward {
  readonly protocol: "tcp" | "udp";
  /** IPv4: slirp listens on nothing else. */
  readonly hostAddress: string;
  /** Absent: any free one. A busy one gives way to the next that is free. */
  readonly hostPort?: number | undefined;
  readonly guestPort: number;
  /** Until the machine stops; vm.json does not get it. */
  readonly once: boolean;
}

export interface ForwardState {
  readonly protocol: "tcp" | "udp";
  readonly hostAddress: string;
  /** null: chosen at the next start. */
  readonly hostPort: number | null;
  readonly guestPort: number;
  readonly adapter: number;
  /** false: from the next start on. */
  readonly open: boolean;
  /** There again after the next start: it is in vm.json, or the way to SSH. */
  readonly kept: boolean;
}

/** What is open now, and what vm.json adds at the next start. */
export function listForwards(machine: Machine): ForwardState[] {
  const open = machine.state.run?.forwards ?? [];
  const wanted = wantedForwards(machine.definition);
  return [
    ...open.map((forward) => ({ ...forward, open: true, kept: isSsh(forward) || wanted.some((entry) => isSame(entry, forward)) })),
    ...wanted
      .filter((entry) => !open.some((forward) => isSame(entry, forward)))
      .map(({ hostPort = null, ...entry }) => ({ ...entry, hostPort, open: false, kept: true })),
  ];
}

/** @throws VivError `wrong-state`, `exists`, `host-cannot`; then nothing is changed. */
export async function addForward(machine: Machine, request: NewForward, work: Work): Promise<ForwardState> {
  return machine.operate("forward", work, async (operation) => {
    await machine.refreshDefinition();
    const { session } = machine;
    if (!session && request.once)
      throw vivError("wrong-state", `${machine.name} does not run.`, "Leave --once out, and it is there from the next start on.");
    const adapter = natAdapter(machine, session);
    const { once, ...wanted } = request;
    refuseTwice(machine, wanted);
    const entry = Forward.parse(wanted);
    if (!session) {
      // A port that needs more rights is said now, not at the next start.
      if (entry.hostPort !== undefined) await machine.host.portIsFree(entry.protocol, entry.hostAddress, entry.hostPort);
      await writeForward(machine, adapter, entry);
      return { ...entry, hostPort: entry.hostPort ?? null, adapter, open: false, kept: true };
    }
    const hostPort = await portFor(machine, wanted);
    const forward: RuntimeForward = { ...wanted, hostPort, adapter };
    const written = entry.hostPort === undefined ? entry : { ...entry, hostPort };
    await operation.step("opening the forward", { record: {} });
    await openForward(session, forward);
    await machine.record((state) => {
      const { run } = state;
      if (!run) return state;
      const definition = once ? run.definition : withForward(run.definition as Definition, adapter, written);
      return { ...state, run: { ...run, definition, forwards: [...run.forwards, forward] } };
    });
    if (!once) await writeForward(machine, adapter, written);
    return { ...forward, open: true, kept: !once };
  });
}

/** `hostPort` absent: the one of that guest port. @throws VivError `not-found`, `wrong-state` for SSH's. */
export async function removeForward(machine: Machine, which: WhichForward, work: Work): Promise<void> {
  await machine.operate("forward", work, async (operation) => {
    await machine.refreshDefinition();
    const { session } = machine;
    const fits = listForwards(machine).filter((forward) => isMeant(which, forward));
    const [found, another] = fits;
    if (!found) throw vivError("not-found", `${machine.name} has no forward of ${shown(which)}.`, `viv forward ls ${machine.name}`);
    if (another)
      throw vivError(
        "usage",
        `${machine.name} has several forwards of ${shown(which)}.`,
        `Say which: ${found.hostPort}:${found.guestPort}`,
      );
    if (found.open && isSsh(found))
      throw vivError(
        "wrong-state",
        `This is the way of viv ssh to ${machine.name}.`,
        "A guest without it: viv set NAME networks.0.mode=none",
      );
    const open = machine.state.run?.forwards.find(
      (forward) => found.open && forward.hostPort === found.hostPort && isMeant(which, forward),
    );
    if (session && open) {
      await operation.step("closing the forward", { record: {} });
      await closeForward(session, open);
      await machine.record((state) => {
        const { run } = state;
        if (!run) return state;
        const forwards = run.forwards.filter((forward) => !isEqual(forward, open));
        return { ...state, run: { ...run, definition: withoutForward(run.definition as Definition, open), forwards } };
      });
    }
    await eraseForward(machine, found);
  });
}

/** After a vivd that died while it changed one: QEMU has what is recorded, nothing else. */
export async function settleForwards(machine: Machine, session: Session): Promise<void> {
  const { run } = machine.state;
  if (!run) return;
  const there = parseUsernet(await session.qmp.execute("human-monitor-command", { "command-line": infoUsernet }));
  // QEMU shows some addresses in other words: a port is told from others by its number.
  const is = (rule: UsernetForward, forward: RuntimeForward) =>
    rule.netdev === adapterNames(forward.adapter).uplink && rule.protocol === forward.protocol && rule.hostPort === forward.hostPort;
  for (const forward of run.forwards) if (!there.some((rule) => is(rule, forward))) await openForward(session, forward);
  for (const rule of there) {
    if (run.forwards.some((forward) => is(rule, forward))) continue;
    const command = removeForwardCommand(rule.netdev, rule);
    checkForwardAnswer(await session.qmp.execute("human-monitor-command", { "command-line": command }), rule);
  }
}

export interface WhichForward {
  readonly protocol: "tcp" | "udp";
  readonly guestPort: number;
  readonly hostPort?: number | undefined;
}

type Entry = Forward & { readonly adapter: number };

function wantedForwards(definition: Definition | undefined): Entry[] {
  return (definition?.networks ?? []).flatMap((network, adapter) =>
    network.mode === "nat" ? network.forwards.map((forward) => ({ ...forward, adapter })) : [],
  );
}

function isSame(entry: Entry, forward: RuntimeForward): boolean {
  return (
    entry.adapter === forward.adapter &&
    entry.protocol === forward.protocol &&
    entry.guestPort === forward.guestPort &&
    entry.hostAddress === forward.hostAddress &&
    (entry.hostPort === undefined || entry.hostPort === forward.hostPort)
  );
}

function isEqual(left: RuntimeForward, right: RuntimeForward): boolean {
  return (
    left.adapter === right.adapter &&
    left.protocol === right.protocol &&
    left.hostPort === right.hostPort &&
    left.hostAddress === right.hostAddress &&
    left.guestPort === right.guestPort
  );
}

function isMeant(which: WhichForward, forward: Pick<ForwardState, "protocol" | "guestPort" | "hostPort">): boolean {
  return (
    which.protocol === forward.protocol &&
    which.guestPort === forward.guestPort &&
    (which.hostPort === undefined || which.hostPort === forward.hostPort)
  );
}

function shown({ protocol, guestPort, hostPort }: WhichForward): string {
  return `${hostPort === undefined ? "" : `${hostPort}:`}${guestPort}/${protocol}`;
}

/** The first with NAT: of the running process, whose adapters vm.json may have changed meanwhile. */
function natAdapter(machine: Machine, session: Session | undefined): number {
  const { networks } = (session && runningDefinition(machine)) ?? machine.requireDefinition();
  const adapter = networks.findIndex(({ mode }) => mode === "nat");
  if (adapter < 0 || machine.requireDefinition().networks[adapter]?.mode !== "nat")
    throw vivError(
      "wrong-state",
      `${machine.name} has no NAT adapter, which a forward needs.`,
      `viv set ${machine.name} networks.0.mode=nat`,
    );
  return adapter;
}

function refuseTwice(machine: Machine, wanted: Omit<NewForward, "once">): void {
  const twin = listForwards(machine).find(
    (forward) =>
      forward.protocol === wanted.protocol &&
      forward.guestPort === wanted.guestPort &&
      forward.hostAddress === wanted.hostAddress &&
      (wanted.hostPort === undefined || wanted.hostPort === forward.hostPort),
  );
  if (!twin) return;
  const place = twin.hostPort === null ? "a port of its next start" : `${twin.hostAddress}:${twin.hostPort}`;
  throw vivError("exists", `${machine.name} has ${wanted.guestPort}/${wanted.protocol} at ${place} already.`, "Give another host port.");
}

/** Ports after a busy one that are tried before any will do. */
const neighbours = 20;

async function portFor({ host }: Machine, { protocol, hostAddress, hostPort }: Omit<NewForward, "once">): Promise<number> {
  if (hostPort === undefined) return host.freePort(protocol, hostAddress);
  for (let port = hostPort; port <= Math.min(hostPort + neighbours, 65_535); port += 1)
    if (await host.portIsFree(protocol, hostAddress, port)) return port;
  return host.freePort(protocol, hostAddress);
}

async function closeForward(session: Session, forward: RuntimeForward): Promise<void> {
  const command = removeForwardCommand(adapterNames(forward.adapter).uplink, forward);
  checkForwardAnswer(await session.qmp.execute("human-monitor-command", { "command-line": command }), forward);
}

function withForward(definition: Definition, adapter: number, entry: Forward): Definition {
  const networks = definition.networks.map((network, index) =>
    index === adapter && network.mode === "nat" ? { ...network, forwards: [...network.forwards, entry] } : network,
  );
  return { ...definition, networks };
}

function withoutForward(definition: Definition, gone: RuntimeForward): Definition {
  const networks = definition.networks.map((network, adapter) =>
    network.mode === "nat" ? { ...network, forwards: network.forwards.filter((entry) => !isSame({ ...entry, adapter }, gone)) } : network,
  );
  return { ...definition, networks };
}

async function writeForward(machine: Machine, adapter: number, { protocol, hostAddress, hostPort, guestPort }: Forward): Promise<void> {
  await editMachine(machine, ({ networks }) => {
    const network = networks[adapter];
    if (network?.mode !== "nat") return [];
    // Defaults are left out of the text.
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

async function eraseForward(machine: Machine, { adapter, hostPort, ...gone }: ForwardState): Promise<void> {
  await editMachine(machine, ({ networks }) => {
    const network = networks[adapter];
    if (network?.mode !== "nat") return [];
    const at = network.forwards.findIndex(
      (entry) =>
        entry.protocol === gone.protocol &&
        entry.guestPort === gone.guestPort &&
        entry.hostAddress === gone.hostAddress &&
        (entry.hostPort === undefined || entry.hostPort === hostPort),
    );
    return at < 0 ? [] : [{ path: ["networks", adapter, "forwards", at], value: undefined }];
  });
}
