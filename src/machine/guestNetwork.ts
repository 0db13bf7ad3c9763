import type { Machine } from "./machine.ts";
import { exec } from "./reach.ts";
import type { Session } from "./session.ts";

/** Does the guest have an address, by the word of an agent in it? */
export async function hasAddress(machine: Machine, session: Session, signal: AbortSignal): Promise<boolean> {
  if (session.agent.connected) {
    const agent = await session.agent.client();
    const interfaces = await agent.interfaces({ timeoutMs: 5000 });
    return interfaces.some(({ name, addresses }) => name !== "lo" && addresses.some(({ address }) => isGlobal(address)));
  }
  const command = ["sh", "-c", "cat /proc/net/route"];
  const { stdout } = await exec(machine, { command, environment: [], timeoutMs: 5000, way: "viv-agent", signal });
  return hasRoute(stdout.toString("latin1"));
}

/** Link-local and loopback addresses reach nobody. */
function isGlobal(address: string): boolean {
  return !/^(127\.|169\.254\.|::1$|fe[89ab])/i.test(address);
}

/** proc(5): a line for each route; an interface gets one with its address. */
export function hasRoute(table: string): boolean {
  return table
    .split("\n")
    .slice(1)
    .some((line) => /^\S+\s+[0-9A-F]{8}\s/.test(line) && !line.startsWith("lo\t"));
}
