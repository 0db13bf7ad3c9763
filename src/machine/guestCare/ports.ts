import { vivError } from "../../model/index.ts";
import type { VivAgent } from "../../qemu/index.ts";
import { requireSession } from "../lifecycle.ts";
import type { Machine } from "../machine.ts";

/** A port somebody in the guest listens on. */
export interface GuestPort {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  /** Who listens, in the guest's words; absent: the kernel, or an agent that does not tell. */
  readonly process?: string;
}

export interface PortWatch {
  /** Resolves when nobody tells any more: the machine ended, its agent went, or it was closed. */
  readonly ended: Promise<void>;
  close(): void;
}

const answerLimitBytes = 200_000;
/** What the agent keeps (guest/agent/ports.c). */
const portLimit = 1024;
/** Ports that come and go in one look of the agent's are told at once. */
const settleMs = 30;

/** What listens in the guest right now, by viv-agent. @throws VivError `agent-unavailable` */
export async function guestPorts(machine: Machine, signal: AbortSignal): Promise<GuestPort[]> {
  const agent = await requireSession(machine).vivAgent.client();
  const running = agent.applet(["ports", "once", ...named(agent)]);
  const stop = () => running.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    running.stderr.resume();
    running.stdin.end();
    let text = "";
    for await (const chunk of running.stdout as AsyncIterable<Buffer>) if (text.length < answerLimitBytes) text += chunk.toString("latin1");
    await running.exit;
    return parsePorts(text);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * Tells all that is listened on, now and after each change, until it is closed. The agent looks every half a second.
 * @throws VivError `agent-unavailable`
 */
export async function watchPorts(machine: Machine, told: (ports: readonly GuestPort[]) => void): Promise<PortWatch> {
  const agent = await requireSession(machine).vivAgent.client();
  if (!agent.abilities.has("ports")) throw vivError("agent-unavailable", "The guest's viv-agent does not tell ports.");
  const running = agent.applet(["ports", ...named(agent)]);
  running.stderr.resume();
  running.stdin.end();
  const known = new Map<string, GuestPort>();
  let rest = "";
  let timer: NodeJS.Timeout | undefined;
  const tell = (): void => {
    timer = undefined;
    told([...known.values()]);
  };
  running.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = (lines.pop() ?? "").slice(0, 1000);
    for (const line of lines) {
      const change = parseLine(line);
      if (change?.gone) known.delete(keyOf(change.port));
      else if (change && known.size < portLimit) known.set(keyOf(change.port), change.port);
    }
    timer ??= setTimeout(tell, settleMs);
  });
  const ended = running.exit.then(
    () => undefined,
    () => undefined,
  );
  void ended.then(() => clearTimeout(timer));
  return { ended, close: () => running.close() };
}

function named({ abilities }: VivAgent): string[] {
  return abilities.has("port-names") ? ["named"] : [];
}

export function parsePorts(text: string): GuestPort[] {
  return text.split("\n").flatMap((line) => {
    const change = parseLine(line);
    return change && !change.gone ? [change.port] : [];
  });
}

function parseLine(line: string): { gone: boolean; port: GuestPort } | undefined {
  const match = /^([+-]) (tcp|udp) ([0-9a-f.:]{2,45}) (\d{1,5})(?: ([\x20-\x7e]{1,16}))?$/.exec(line);
  const port = Number(match?.[4]);
  if (!match || port < 1 || port > 65_535) return undefined;
  const process = match[5];
  return {
    gone: match[1] === "-",
    port: { protocol: match[2] as "tcp" | "udp", address: match[3] ?? "", port, ...(process === undefined ? {} : { process }) },
  };
}

function keyOf({ protocol, address, port }: GuestPort): string {
  return `${protocol} ${address} ${port}`;
}
