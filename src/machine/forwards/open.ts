import { asVivError, type RuntimeForward } from "../../model/index.ts";
import {
  adapterNames,
  addForward,
  checkForwardAnswer,
  type HumanCommand,
  infoUsernet,
  parseUsernet,
  removeForward,
  type UsernetForward,
} from "../../qemu/index.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";

/** Forwards in QEMU: its slirp backends, told by its monitor. */

/**
 * Opens the forwards that were held back at the start. A port that somebody took meanwhile is exchanged for a free one.
 * @throws VivError `failed`; those that are open are recorded
 */
export async function openWithheld(machine: Machine, session: Session): Promise<void> {
  for (const forward of machine.state.run?.withheld ?? []) {
    const opened = await openForward(session, forward).catch(async (): Promise<RuntimeForward> => {
      const hostPort = await machine.host.freePort(forward.protocol, forward.hostAddress);
      return openForward(session, { ...forward, hostPort });
    });
    await machine.record(({ run, ...state }) => {
      if (!run) return state;
      const { withheld = [], ...rest } = run;
      const left = withheld.filter((each) => each !== forward);
      return { ...state, run: { ...rest, forwards: [...run.forwards, opened], ...(left.length > 0 ? { withheld: left } : {}) } };
    });
  }
}

/** @throws VivError `failed` when QEMU cannot listen there. */
export async function openForward(session: Session, forward: RuntimeForward): Promise<RuntimeForward> {
  await tell(session, addForward(adapterNames(forward.adapter).uplink, forward), forward);
  return forward;
}

export function closeForward(session: Session, forward: RuntimeForward): Promise<void> {
  return tell(session, removeForward(adapterNames(forward.adapter).uplink, forward), forward);
}

/** After a vivd that died while it changed one: QEMU has what is recorded; what it can have no longer is recorded no longer. */
export async function settleForwards(machine: Machine, session: Session): Promise<void> {
  const recorded = machine.state.run?.forwards ?? [];
  const there = parseUsernet(await session.qmp.execute("human-monitor-command", { "command-line": infoUsernet }));
  for (const rule of there) if (!recorded.some((forward) => is(rule, forward))) await tell(session, removeForward(rule.netdev, rule), rule);
  for (const forward of recorded) {
    if (there.some((rule) => is(rule, forward))) continue;
    try {
      await openForward(session, forward);
    } catch (error) {
      machine.host.notice(
        machine,
        "warning",
        asVivError(error).message,
        `Another way in: viv forward add ${machine.name} ${forward.guestPort}`,
      );
      await machine.record(({ run, ...state }) =>
        run ? { ...state, run: { ...run, forwards: run.forwards.filter((each) => each !== forward) } } : state,
      );
    }
  }
}

/** QEMU shows some addresses in other words: a port is told from others by its number. */
function is(rule: UsernetForward, forward: RuntimeForward): boolean {
  return rule.netdev === adapterNames(forward.adapter).uplink && rule.protocol === forward.protocol && rule.hostPort === forward.hostPort;
}

async function tell(session: Session, command: HumanCommand, rule: Pick<RuntimeForward, "hostAddress" | "hostPort">): Promise<void> {
  checkForwardAnswer(await session.qmp.execute("human-monitor-command", { "command-line": command }), rule);
}
