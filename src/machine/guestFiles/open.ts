import { vivError } from "../../model/index.ts";
import { requireSession } from "../lifecycle.ts";
import type { Machine } from "../machine.ts";
import { sshForward } from "../readiness.ts";
import { agentFiles } from "./agentFiles.ts";
import { shellFiles } from "./shellFiles.ts";
import type { GuestFiles, GuestWay } from "./types.ts";

/**
 * The files of a running guest: by viv-agent, else by a shell over qemu-guest-agent, else over SSH.
 * @throws VivError `wrong-state` for one that does not run, `agent-unavailable` when nothing answers in it.
 */
export async function guestFiles(machine: Machine, way: GuestWay | "auto", signal: AbortSignal): Promise<GuestFiles> {
  const session = requireSession(machine);
  if (session.runState !== "running") throw vivError("wrong-state", `${machine.name} is paused.`, `Resume it: viv resume ${machine.name}`);
  if (way === "auto" || way === "viv-agent") {
    const agent = way === "auto" ? await session.vivAgent.find() : await session.vivAgent.client();
    if (agent?.abilities.has("files")) return agentFiles(agent, signal);
    if (agent) return shellFiles(machine, "viv-agent", signal);
  }
  if (way === "ssh") return shellFiles(machine, "ssh", signal);
  await session.agent.settled();
  if (way === "agent" || session.agent.connected) return shellFiles(machine, "agent", signal);
  if (sshForward(machine) && machine.state.run?.readiness.ssh !== undefined) return shellFiles(machine, "ssh", signal);
  throw vivError(
    "agent-unavailable",
    `${machine.name}: nothing answers in the guest yet.`,
    `Wait for it: viv wait ${machine.name} --for agent`,
  );
}
