import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { vivError } from "../../model/index.ts";
import type { VivAgent } from "../../qemu/index.ts";
import { requireSession } from "../lifecycle.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { installScript } from "./installScript.ts";
import { guestScript, type ScriptOutcome } from "./script.ts";

/** What the guest's viv-agent is, and what this build would put there. */
export interface AgentStatus {
  readonly installed: { readonly build: string; readonly protocol: number; readonly abilities: readonly string[] } | null;
  /** Build of the program that goes with this Vivarium; null where it has none for the guest. */
  readonly offered: string | null;
  readonly upToDate: boolean;
}

const answersWithinMs = 20_000;

export async function agentStatus(machine: Machine, guestFolder: string | undefined): Promise<AgentStatus> {
  const agent = await requireSession(machine).vivAgent.find();
  const architecture = machine.effectiveDefinition?.architecture ?? "x86_64";
  const program = await agentProgram(guestFolder, architecture).catch(() => undefined);
  const offered = program?.build ?? null;
  if (!agent) return { installed: null, offered, upToDate: false };
  const { build, protocol, abilities } = agent;
  return { installed: { build, protocol, abilities: [...abilities] }, offered, upToDate: offered === null || build === offered };
}

/**
 * Puts viv-agent into a Linux guest as a service, by whatever reaches it now, and waits until it answers.
 * @throws VivError `agent-unavailable` (nothing reaches the guest), `host-cannot` (no program for it), `agent-failed`.
 */
export async function installAgent(
  machine: Machine,
  guestFolder: string | undefined,
  signal: AbortSignal,
): Promise<{ build: string; service: string; way: ScriptOutcome["way"] }> {
  const session = requireSession(machine);
  const { stdout: named } = await guestScript(machine, { script: "uname -sm", signal });
  const [system = "", processor = ""] = named.trim().split(/\s+/);
  if (system !== "Linux") throw vivError("host-cannot", `${machine.name} runs ${system || "something unknown"}; viv-agent is for Linux.`);
  const program = await agentProgram(guestFolder, processor === "arm64" ? "aarch64" : processor);
  const { stdout, way } = await guestScript(machine, { script: installScript, stdin: program.bytes, timeoutMs: 120_000, signal });
  const service = /^service (\w+)$/m.exec(stdout)?.[1] ?? "none";
  await buildAnswers(session, program.build, signal);
  return { build: program.build, service, way };
}

/**
 * Makes a running viv-agent this build's, over its open port, and its file too where it was installed; the starter guest
 * starts with its image's again.
 */
export async function upgradeAgent(
  machine: Machine,
  guestFolder: string | undefined,
  signal: AbortSignal,
): Promise<{ from: string; to: string; lasting: boolean }> {
  const session = requireSession(machine);
  const agent = await session.vivAgent.client();
  const { stdout: processor } = await guestScript(machine, { script: "uname -m", signal });
  const program = await agentProgram(guestFolder, processor.trim());
  const from = agent.build;
  if (from === program.build) return { from, to: from, lasting: true };
  await sendUpgrade(agent, program.bytes);
  // It is another program on the same open port: it answers a new greeting.
  agent.dispose();
  await buildAnswers(session, program.build, signal);
  const { stdout } = await guestScript(machine, { script: replaceScript, stdin: program.bytes, signal });
  return { from, to: program.build, lasting: stdout.includes("replaced") };
}

const replaceScript = `set -e
umask 022
if [ ! -x /usr/local/bin/viv-agent ]; then cat > /dev/null; exit 0; fi
cat > /usr/local/bin/.viv-agent.new
chmod 755 /usr/local/bin/.viv-agent.new
/usr/local/bin/.viv-agent.new --version > /dev/null
mv -f /usr/local/bin/.viv-agent.new /usr/local/bin/viv-agent
echo replaced`;

async function sendUpgrade(agent: VivAgent, program: Buffer): Promise<void> {
  const running = agent.applet(["upgrade", createHash("sha256").update(program).digest("hex")]);
  running.stdout.resume();
  running.stdin.end(program);
  let said = "";
  running.stderr.on("data", (chunk: Buffer) => {
    if (said.length < 1000) said += chunk.toString("utf8");
  });
  const { exitCode } = await running.exit;
  if (exitCode !== 0) throw vivError("agent-failed", `viv-agent was not replaced: ${said.trim() || `exit code ${exitCode}`}`);
}

/** Until that build answers: its service has just been started, or it has just become another program. */
async function buildAnswers(session: Session, build: string, signal: AbortSignal): Promise<void> {
  const end = Date.now() + answersWithinMs;
  for (;;) {
    const agent = await session.vivAgent.find();
    if (agent?.build === build) return;
    // The one from before is going.
    agent?.dispose();
    if (Date.now() > end)
      throw vivError(
        "agent-unavailable",
        "viv-agent was put into the guest, but does not answer.",
        "Look at its service in the guest: systemctl status viv-agent. The machine must have been started by this version of Vivarium.",
      );
    await sleep(200, undefined, { signal });
  }
}

interface Program {
  readonly bytes: Buffer;
  readonly build: string;
}

/** The static program of a processor, as it came with Vivarium. @throws VivError `host-cannot` */
async function agentProgram(guestFolder: string | undefined, processor: string): Promise<Program> {
  const file = guestFolder && /^(x86_64|aarch64)$/.test(processor) ? join(guestFolder, processor, "viv-agent") : undefined;
  const bytes = file ? await readFile(file).catch(() => undefined) : undefined;
  // The only string of that kind in it (guest/agent/build.ts).
  const build = /\0([0-9a-f]{12})\0/.exec(bytes?.toString("latin1") ?? "")?.[1];
  if (!bytes || build === undefined)
    throw vivError(
      "host-cannot",
      `There is no viv-agent for a guest with ${processor || "this"} processor.`,
      "It comes for x86_64 and aarch64; qemu-guest-agent and SSH serve others.",
    );
  return { bytes, build };
}
