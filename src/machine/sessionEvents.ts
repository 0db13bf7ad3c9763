import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { asVivError } from "../model/index.ts";
import type { QmpEvent } from "../qemu/index.ts";
import { findChannels } from "./channels.ts";
import { releaseImages } from "./disks/locks.ts";
import { deviceGone } from "./disks/recover.ts";
import { watchSpace } from "./disks/space.ts";
import { start } from "./lifecycle.ts";
import type { Machine } from "./machine.ts";
import { waitGone } from "./processEnd.ts";
import { watchReadiness } from "./readiness.ts";
import { Session, type SessionListener } from "./session.ts";
import { readTail } from "./storage.ts";

/** After QEMU's monitor closed its process is gone within this time; otherwise it only dropped us. */
const exitGraceMs = 3000;

/** Turns what a session says into the machine's facts. */
export function sessionListener(machine: Machine): SessionListener {
  return {
    changed: () => machine.changed(),
    event: (event) => onEvent(machine, event),
    disconnected: () => {
      void onDisconnected(machine).catch((error: unknown) => machine.host.notice(machine, "error", asVivError(error).message));
    },
  };
}

function onEvent(machine: Machine, event: QmpEvent): void {
  journal(machine, event);
  const { session } = machine;
  switch (event.name) {
    case "RESUME":
    case "BLOCK_WRITE_THRESHOLD":
      if (session) aside(machine, watchSpace(machine, session));
      break;
    case "DEVICE_DELETED":
      if (session && typeof event.data.device === "string") aside(machine, deviceGone(machine, session, event.data.device));
      break;
    case "RESET":
      if (event.data.guest === true) machine.host.notice(machine, "info", "The guest restarted.");
      break;
    case "BLOCK_IO_ERROR":
      if (event.data.action === "stop") {
        machine.host.notice(
          machine,
          "error",
          event.data.nospace === true ? "Paused: the host's disk is full." : "Paused: an I/O error on a disk.",
          event.data.nospace === true
            ? "Free some space, then resume the machine: the write is tried again."
            : "Check the disk's file, then resume the machine.",
        );
      }
      break;
    case "GUEST_PANICKED":
      machine.host.notice(
        machine,
        "error",
        "Paused: the guest's kernel panicked.",
        "Look at the serial log, then reset or kill the machine.",
      );
      break;
    case "WATCHDOG":
      machine.host.notice(machine, "error", "Paused: the guest's watchdog fired.", "Look at the serial log, then reset the machine.");
      break;
    default:
      break;
  }
}

/** Work that nobody waits for; what goes wrong with it is said. */
function aside(machine: Machine, work: Promise<void>): void {
  work.catch((error: unknown) => {
    if (machine.session) machine.host.notice(machine, "warning", asVivError(error).message);
  });
}

/** Every event of QEMU, one JSON line each, in `logs/events.jsonl`. */
function journal(machine: Machine, event: QmpEvent): void {
  const line = JSON.stringify({ at: new Date().toISOString(), event: event.name, data: event.data });
  void appendFile(join(machine.paths.logs, "events.jsonl"), `${line}\n`, { mode: 0o600 }).catch(() => undefined);
}

/** The control connection ended: the process ended, or it only dropped us. */
async function onDisconnected(machine: Machine): Promise<void> {
  const { session, state } = machine;
  const run = state.run;
  if (!session || !run) return;
  // A start or a wake cleans up after itself, and knows what is lost.
  if (!(await machine.join("start"))) await machine.join("wake");
  const gone = await waitGone(run, exitGraceMs);
  // Whoever ended it on purpose has taken the session and writes what became of the machine.
  if (machine.session !== session) return;
  if (!gone) {
    session.dispose();
    machine.session = undefined;
    machine.changed();
    machine.host.notice(machine, "warning", "QEMU runs but does not respond.", `If it stays so, end it: viv kill ${machine.name}`);
    return reconnect(machine);
  }
  machine.session = undefined;
  session.dispose();
  await recordEnd(machine, session.lastShutdown);
  if (run.template !== undefined && wasReset(session.lastShutdown)) await bootAgain(machine);
}

function wasReset(shutdown: Session["lastShutdown"]): boolean {
  return shutdown?.reason === "guest-reset" || shutdown?.reason === "host-qmp-system-reset";
}

/** A fork has nothing to boot from in its process (`-action reboot=shutdown`): a restart is a start, with memory of its own. */
async function bootAgain(machine: Machine): Promise<void> {
  machine.host.notice(machine, "info", "The fork restarted: it boots from its disk, with memory of its own.");
  await start(machine, { signal: new AbortController().signal, progress: () => undefined });
}

/** Between two attempts that failed at once. */
const reconnectPauseMs = 200;
const reconnectTimeoutMs = 3000;

/** Keeps asking a QEMU that dropped us or does not respond, until it answers, is gone, or is no longer the machine's. */
export async function reconnect(machine: Machine): Promise<void> {
  const { run } = machine.state;
  // A killed machine may be started again meanwhile: its new monitor is not ours to take.
  const over = () =>
    machine.session !== undefined || machine.state.run?.pid !== run?.pid || machine.state.run?.startTime !== run?.startTime;
  while (run && !over()) {
    if (await waitGone(run, 0)) return over() ? undefined : recordEnd(machine, undefined);
    const session = await findChannels(machine)
      .then((channels) => Session.connect(channels, machine.id, sessionListener(machine), { timeoutMs: reconnectTimeoutMs, ended: over }))
      .catch(() => undefined);
    if (session && !over()) return takeUp(machine, session);
    session?.dispose();
    await new Promise((wake) => setTimeout(wake, reconnectPauseMs));
  }
}

/** A session with a QEMU that has been running: what it reached is looked up, what comes is watched. */
export function takeUp(machine: Machine, session: Session): void {
  machine.session = session;
  watchReadiness(machine, session);
  machine.changed();
  aside(machine, watchSpace(machine, session));
  void session.agent.look(2000).then((answers) => answers && machine.changed());
}

/** Writes why a process that is gone went. An operation that ends it on purpose records the outcome itself. */
export async function recordEnd(machine: Machine, shutdown: { guest: boolean; reason: string } | undefined): Promise<void> {
  // While memory is being saved the end is a loss; once it is recorded, the end is what was wanted.
  if (machine.state.run) aside(machine, releaseImages(machine, machine.state.run));
  const expected = machine.busy === "stop" || (machine.busy === "suspend" && machine.state.suspended !== undefined);
  const orderly = shutdown !== undefined && shutdown.reason !== "host-error";
  if (expected || orderly) {
    await machine.recordIfPossible(({ run, failure: _failure, ...state }) => ({
      ...state,
      wanted: expected || state.suspended ? state.wanted : "stopped",
      ...keepHistory(run?.readiness, run?.forwards, state),
    }));
    return;
  }
  const words = (await readTail(join(machine.paths.logs, "qemu.log"), 2000)).trim();
  await machine.fail({
    reason: "crashed",
    message: `QEMU ended unexpectedly${shutdown ? ` (${shutdown.reason})` : ""}.${words === "" ? "" : ` It said: ${words}`}`,
    hint: `Start it again; the guest's disks are as after a power cut. Logs: ${machine.paths.logs}`,
  });
}

/** Readiness of the start that ended goes to the front of the history. */
export function keepHistory<S extends { readinessHistory: R[] }, R extends object, F>(
  readiness: R | undefined,
  forwards: F[] | undefined,
  state: S,
): { readinessHistory: R[]; lastForwards?: F[] } {
  const history =
    readiness && Object.keys(readiness).length > 0 ? [readiness, ...state.readinessHistory].slice(0, 10) : state.readinessHistory;
  return { readinessHistory: history, ...(forwards ? { lastForwards: forwards } : {}) };
}
