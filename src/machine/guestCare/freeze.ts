import { vivError } from "../../model/index.ts";
import type { VivProcess } from "../../qemu/index.ts";
import { requireSession } from "../lifecycle.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import type { ScriptOutcome } from "./script.ts";
import { startThawWatch } from "./thawWatch.ts";

/**
 * The guest's file systems hold writes for a while. Whoever freezes may die: the end is in the guest, at most `seconds`
 * away. viv-agent has a child of its own for it; for qemu-guest-agent, which has no such end, a sleeping shell thaws.
 */
export interface Frozen {
  readonly filesystems: number;
  readonly way: Exclude<ScriptOutcome["way"], "ssh">;
}

const held = new WeakMap<Session, VivProcess>();

export async function freezeFilesystems(machine: Machine, seconds: number, signal: AbortSignal): Promise<Frozen> {
  const session = requireSession(machine);
  if (held.has(session)) throw vivError("wrong-state", `${machine.name}'s file systems are frozen already.`, "Thaw them first.");
  const vivAgent = await session.vivAgent.find();
  if (vivAgent?.abilities.has("freeze")) return freezeByVivAgent(session, vivAgent.applet(["freeze", String(seconds)]));
  const agent = await session.agent.client();
  if (!(await startThawWatch(agent, seconds, { timeoutMs: 30_000, signal })))
    throw vivError(
      "agent-failed",
      `${machine.name}: the guest has no fsfreeze that would thaw it if this service died.`,
      `Put viv-agent into it: viv agent install ${machine.name}`,
    );
  return { filesystems: await agent.freeze({ timeoutMs: 60_000 }), way: "agent" };
}

async function freezeByVivAgent(session: Session, running: VivProcess): Promise<Frozen> {
  held.set(session, running);
  let said = "";
  let complaint = "";
  running.stderr.on("data", (chunk: Buffer) => {
    if (complaint.length < 1000) complaint += chunk.toString("utf8");
  });
  const ended = running.exit.then(
    () => undefined,
    () => undefined,
  );
  void ended.then(() => held.delete(session));
  const filesystems = await new Promise<number>((frozen, failed) => {
    running.stdout.on("data", (chunk: Buffer) => {
      if (said.length < 1000) said += chunk.toString("latin1");
      const count = /^frozen (\d+)$/m.exec(said)?.[1];
      if (count !== undefined) frozen(Number(count));
    });
    void ended.then(() =>
      failed(vivError("agent-failed", `The guest's file systems were not frozen: ${complaint.trim() || "no reason given"}`)),
    );
  });
  return { filesystems, way: "viv-agent" };
}

/** @returns whether they were still frozen until now. */
export async function thawFilesystems(machine: Machine): Promise<{ thawed: boolean }> {
  const session = requireSession(machine);
  const running = held.get(session);
  if (running) {
    running.stdin.end();
    await running.exit;
    return { thawed: true };
  }
  if (await session.vivAgent.find().then((agent) => agent?.abilities.has("freeze") && !session.agent.connected)) return { thawed: false };
  const agent = await session.agent.client();
  return { thawed: (await agent.thaw({ timeoutMs: 60_000 })) > 0 };
}
