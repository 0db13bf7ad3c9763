import { requireSession } from "../lifecycle.ts";
import type { Machine } from "../machine.ts";

/** A port somebody in the guest listens on. */
export interface GuestPort {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
}

/** What listens in the guest right now, by viv-agent. @throws VivError `agent-unavailable` */
export async function guestPorts(machine: Machine, signal: AbortSignal): Promise<GuestPort[]> {
  const agent = await requireSession(machine).vivAgent.client();
  const running = agent.applet(["ports", "once"]);
  const stop = () => running.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    running.stderr.resume();
    running.stdin.end();
    let text = "";
    for await (const chunk of running.stdout as AsyncIterable<Buffer>) if (text.length < 200_000) text += chunk.toString("latin1");
    await running.exit;
    return parsePorts(text);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

export function parsePorts(text: string): GuestPort[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\+ (tcp|udp) ([0-9a-f.:]{2,45}) (\d{1,5})$/.exec(line);
    const port = Number(match?.[3]);
    if (!match || port < 1 || port > 65_535) return [];
    return [{ protocol: match[1] as "tcp" | "udp", address: match[2] ?? "", port }];
  });
}
