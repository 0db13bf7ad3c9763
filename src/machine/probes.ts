import { get } from "node:http";
import { createConnection } from "node:net";
import type { Probe } from "../model/index.ts";
import type { Machine } from "./machine.ts";
import { exec } from "./reach.ts";
import type { Session } from "./session.ts";

/** The user's own steps: each asks again with growing pauses until it is so, its time is over, or the watch ends. */

const pausesMs = [250, 500, 1000, 2000] as const;
const attemptTimeoutMs = 10_000;

/** @returns whether it came to be so. Never throws. */
export async function awaitProbe(machine: Machine, session: Session, probe: Probe, fromMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = fromMs + probe.timeoutSeconds * 1000;
  for (let attempt = 0; !signal.aborted && Date.now() < deadline; attempt += 1) {
    if (session.runState === "running" && (await succeeds(machine, session, probe, signal))) return !signal.aborted;
    await pause(pausesMs[Math.min(attempt, pausesMs.length - 1)] ?? 2000, signal);
  }
  return false;
}

async function succeeds(machine: Machine, session: Session, probe: Probe, signal: AbortSignal): Promise<boolean> {
  try {
    if (probe.command !== undefined) return await runs(machine, session, probe.command, signal);
    if (probe.tcp !== undefined) return await listens(machine, session, probe.tcp, signal);
    return probe.http !== undefined && (await answers(machine, probe.http, signal));
  } catch {
    return false;
  }
}

async function runs(machine: Machine, session: Session, command: string, signal: AbortSignal): Promise<boolean> {
  const way = await wayOf(machine, session);
  if (way === undefined) return false;
  const { exitCode } = await exec(machine, { command: ["sh", "-c", command], environment: [], timeoutMs: attemptTimeoutMs, way, signal });
  return exitCode === 0;
}

/** By an agent where there is one, else by SSH once it has greeted: a connection to a guest that boots would only hang. */
async function wayOf(machine: Machine, session: Session): Promise<"viv-agent" | "agent" | "ssh" | undefined> {
  if (await session.vivAgent.find()) return "viv-agent";
  if (session.agent.connected) return "agent";
  return machine.state.run?.readiness.ssh === undefined ? undefined : "ssh";
}

/** The guest's own table of sockets where it can be read: slirp takes connections for guests that do not listen. */
async function listens(machine: Machine, session: Session, port: number, signal: AbortSignal): Promise<boolean> {
  const way = await wayOf(machine, session);
  if (way !== undefined) {
    const command = ["sh", "-c", "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; [ -e /proc/net/tcp ]"];
    const { exitCode, stdout } = await exec(machine, { command, environment: [], timeoutMs: attemptTimeoutMs, way, signal });
    if (exitCode === 0) return hasListener(stdout.toString("latin1"), port);
  }
  const forward = forwardTo(machine, port);
  return forward !== undefined && staysOpen(forward.hostAddress, forward.hostPort);
}

/** proc(5): the local address ends with the port in hex; state 0A is LISTEN. */
export function hasListener(table: string, port: number): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return state === "0A" && local.endsWith(`:${wanted}`);
  });
}

const refusedWithinMs = 1000;

/** slirp takes the connection itself and closes it when the guest refuses. */
function staysOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const finish = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(refusedWithinMs, () => finish(true));
    socket.once("data", () => finish(true));
    for (const event of ["error", "close", "end"]) socket.once(event, () => finish(false));
  });
}

function answers(machine: Machine, { port, path }: NonNullable<Probe["http"]>, signal: AbortSignal): Promise<boolean> {
  const forward = forwardTo(machine, port);
  if (!forward) return Promise.resolve(false);
  return new Promise((resolve) => {
    const request = get(
      { host: forward.hostAddress, port: forward.hostPort, path, agent: false, timeout: attemptTimeoutMs, signal },
      (response) => {
        resolve((response.statusCode ?? 500) < 400);
        response.destroy();
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
    request.on("close", () => resolve(false));
  });
}

function forwardTo(machine: Machine, guestPort: number) {
  return machine.state.run?.forwards.find((forward) => forward.protocol === "tcp" && forward.guestPort === guestPort);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((wake) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      wake();
    }
  });
}
