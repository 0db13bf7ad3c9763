import { type Definition, Forward, type RuntimeForward, vivError } from "../../model/index.ts";
import type { Work } from "../host.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { runningDefinition } from "../settings.ts";
import { type Entry, entriesOf, eraseEntry, isOf, withEntry, withoutEntry, writeEntry } from "./definition.ts";
import { closeForward, openForward } from "./open.ts";
import { isSsh } from "./resolve.ts";

/** Forwards that change while a guest runs: in QEMU, in what is recorded of the process, and in vm.json, in this order. */

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

/** Which one is meant; without `hostPort` the one of that guest port. */
export interface WhichForward {
  readonly protocol: "tcp" | "udp";
  readonly guestPort: number;
  readonly hostPort?: number | undefined;
}

/** What is open now, and what vm.json adds at the next start. */
export function listForwards(machine: Machine): ForwardState[] {
  const open = machine.state.run?.forwards ?? [];
  const wanted = entriesOf(machine.definition);
  return [
    ...open.map((forward) => ({ ...forward, open: true, kept: isSsh(forward) || wanted.some((entry) => isOf(entry, forward)) })),
    ...wanted
      .filter((entry) => !open.some((forward) => isOf(entry, forward)))
      .map(({ hostPort = null, ...entry }) => ({ ...entry, hostPort, open: false, kept: true })),
  ];
}

/** One that waits for the next start is opened now. @throws VivError `wrong-state`, `exists`, `host-cannot`; then nothing is changed. */
export async function addForward(machine: Machine, { once, ...request }: NewForward, work: Work): Promise<ForwardState> {
  return machine.operate("forward", work, async (operation) => {
    await machine.refreshDefinition();
    const { session } = machine;
    if (!session && once)
      throw vivError("wrong-state", `${machine.name} does not run.`, "Leave --once out, and it is there from the next start on.");
    const adapter = natAdapter(machine, session);
    const waiting = alreadyThere(machine, request, session !== undefined);
    const wanted = { ...request, hostPort: request.hostPort ?? waiting?.hostPort ?? undefined };
    const entry: Entry = { ...Forward.parse(wanted), adapter };
    if (!session) {
      // A port that needs more rights is said now, not at the next start.
      if (entry.hostPort !== undefined) await machine.host.portIsFree(entry.protocol, entry.hostAddress, entry.hostPort);
      await writeEntry(machine, entry);
      return { ...entry, hostPort: entry.hostPort ?? null, open: false, kept: true };
    }
    const forward: RuntimeForward = { ...request, hostPort: await portFor(machine, wanted), adapter };
    const written = entry.hostPort === undefined ? entry : { ...entry, hostPort: forward.hostPort };
    await operation.step("opening the forward", { record: {} });
    await openForward(session, forward);
    await machine.record((state) => {
      const { run } = state;
      if (!run) return state;
      const definition = once ? run.definition : withEntry(run.definition as Definition, written);
      return { ...state, run: { ...run, definition, forwards: [...run.forwards, forward] } };
    });
    if (!once && (!waiting || waiting.hostPort !== (written.hostPort ?? null))) {
      if (waiting) await eraseEntry(machine, waiting);
      await writeEntry(machine, written);
    }
    return { ...forward, open: true, kept: !once || waiting !== undefined };
  });
}

/** @throws VivError `not-found`, `usage` when several are meant, `wrong-state` for the only way of SSH. */
export async function removeForward(machine: Machine, which: WhichForward, work: Work): Promise<void> {
  await machine.operate("forward", work, async (operation) => {
    await machine.refreshDefinition();
    const { session } = machine;
    const forwards = listForwards(machine);
    const [found, another] = forwards.filter((forward) => isMeant(which, forward));
    if (!found) throw vivError("not-found", `${machine.name} has no forward of ${shown(which)}.`, `viv forward ls ${machine.name}`);
    if (another) {
      const choice = `Say which: ${found.hostPort}:${found.guestPort}`;
      throw vivError("usage", `${machine.name} has several forwards of ${shown(which)}.`, choice);
    }
    if (found.open && isSsh(found) && forwards.filter((forward) => forward.open && isSsh(forward)).length === 1)
      throw vivError("wrong-state", `This is the way of viv ssh to ${machine.name}.`, "It is there for as long as there is a NAT adapter.");
    const open = machine.state.run?.forwards.find((forward) => isMeant({ ...which, hostPort: found.hostPort ?? undefined }, forward));
    if (session && found.open && open) {
      await operation.step("closing the forward", { record: {} });
      await closeForward(session, open);
      await machine.record((state) => {
        const { run } = state;
        if (!run) return state;
        const left = run.forwards.filter((forward) => forward !== open);
        return { ...state, run: { ...run, definition: withoutEntry(run.definition as Definition, open), forwards: left } };
      });
    }
    await eraseEntry(machine, found);
  });
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
  if (adapter >= 0 && machine.requireDefinition().networks[adapter]?.mode === "nat") return adapter;
  const remedy = `viv set ${machine.name} networks.0.mode=nat`;
  throw vivError("wrong-state", `${machine.name} has no NAT adapter, which a forward needs.`, remedy);
}

/** One that vm.json has for the next start, where it can be opened now. @throws VivError `exists` when it is there as far as it can be. */
function alreadyThere(machine: Machine, wanted: Omit<NewForward, "once">, runs: boolean): ForwardState | undefined {
  const twin = listForwards(machine).find((forward) => forward.hostAddress === wanted.hostAddress && isMeant(wanted, forward));
  if (!twin || (runs && !twin.open)) return twin;
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
