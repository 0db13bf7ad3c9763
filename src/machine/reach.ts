import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";
import which from "which";
import { asVivError, vivError } from "../model/index.ts";
import { type KeyStep, keyCombination, textKeys, type VivAgent } from "../qemu/index.ts";
import { requireSession } from "./lifecycle.ts";
import type { Machine } from "./machine.ts";
import { sshForward } from "./readiness.ts";
import type { Session } from "./session.ts";
import { hostKeyAlias, keyFiles } from "./sshKeys.ts";

/** Into the guest: commands, files, clock, by the agent where it answers, else by SSH. */

export interface ExecRequest {
  command: readonly string[];
  stdin?: Buffer;
  environment: readonly string[];
  timeoutMs?: number;
  way: "auto" | "viv-agent" | "agent" | "ssh";
  signal: AbortSignal;
}

export interface ExecOutcome {
  exitCode: number;
  signal: number | null;
  stdout: Buffer;
  stderr: Buffer;
  truncated: boolean;
  way: "viv-agent" | "agent" | "ssh";
}

/** The most one command's output is held in memory; a stream has no limit (`openExec`). */
const outputLimitBytes = 256 * 1024 * 1024;

export async function exec(machine: Machine, request: ExecRequest): Promise<ExecOutcome> {
  const session = requireSession(machine);
  requireRunning(machine, session);
  if (request.way === "ssh") return execBySsh(machine, request);
  const vivAgent =
    request.way === "viv-agent" ? await session.vivAgent.client() : request.way === "auto" ? await session.vivAgent.find() : undefined;
  if (vivAgent) return execByVivAgent(vivAgent, request);
  await session.agent.settled();
  if (request.way === "agent" || session.agent.connected) return execByAgent(session, request);
  if (!sshForward(machine)) return execByAgent(session, request);
  return execBySsh(machine, request).catch(async (error: unknown) => {
    throw session.agent.connected
      ? error
      : vivError(
          "agent-unavailable",
          `${machine.name}: neither a guest agent nor SSH answers. ${asVivError(error).message}`,
          `Wait for the guest: viv wait ${machine.name} --for agent`,
        );
  });
}

function requireRunning(machine: Machine, session: Session): void {
  if (session.runState !== "running") throw vivError("wrong-state", `${machine.name} is paused.`, `Resume it: viv resume ${machine.name}`);
}

async function execByVivAgent(agent: VivAgent, request: ExecRequest): Promise<ExecOutcome> {
  const process = agent.run({ words: request.command, environment: request.environment });
  const stop = () => process.close();
  request.signal.addEventListener("abort", stop, { once: true });
  let late = false;
  const timer =
    request.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          process.close();
        }, request.timeoutMs);
  try {
    process.stdin.end(request.stdin ?? Buffer.alloc(0));
    const [stdout, stderr, ended] = await Promise.all([collect(process.stdout), collect(process.stderr), process.exit]);
    return {
      exitCode: ended.exitCode ?? 128 + (ended.signal ?? 0),
      signal: ended.signal ?? null,
      stdout: stdout.bytes,
      stderr: stderr.bytes,
      truncated: stdout.truncated || stderr.truncated,
      way: "viv-agent",
    };
  } catch (error) {
    throw late ? vivError("timeout", `The command did not end within ${request.timeoutMs} ms.`) : error;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener("abort", stop);
  }
}

/** All of a stream, up to the limit; the rest is read and dropped. */
async function collect(stream: Readable): Promise<{ bytes: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let held = 0;
  let truncated = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (held + chunk.length > outputLimitBytes) truncated = true;
    else {
      chunks.push(chunk);
      held += chunk.length;
    }
  }
  return { bytes: Buffer.concat(chunks), truncated };
}

async function execByAgent(session: Session, request: ExecRequest): Promise<ExecOutcome> {
  const agent = await session.agent.client();
  // The agent would replace the whole environment; env(1) adds to it.
  const words = request.environment.length > 0 ? ["env", ...request.environment, ...request.command] : request.command;
  const [program, ...args] = words;
  const result = await agent.exec(
    { program: program ?? "", args, ...(request.stdin ? { stdin: request.stdin } : {}) },
    { signal: request.signal, ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }) },
  );
  return {
    exitCode: result.exitCode ?? 128 + (result.signal ?? 0),
    signal: result.signal ?? null,
    stdout: result.stdout,
    stderr: result.stderr,
    truncated: result.stdoutTruncated || result.stderrTruncated,
    way: "agent",
  };
}

export interface SshTarget {
  user: string;
  hostAddress: string;
  port: number;
  identityFile: string;
  knownHostsFile: string;
  hostKeyAlias: string;
  arguments: string[];
}

/** Arguments for ssh(1): the machine's own key, its pinned host key, and nothing of the user's configuration. */
export function sshTarget(machine: Machine): SshTarget {
  requireSession(machine);
  const forward = sshForward(machine);
  if (!forward)
    throw vivError(
      "wrong-state",
      `${machine.name} has no forward to its SSH port.`,
      "Give it a NAT adapter: viv set NAME networks.0.mode=nat",
    );
  const files = keyFiles(machine.paths);
  const user = machine.effectiveDefinition?.guestUser ?? "root";
  const alias = hostKeyAlias(machine.id);
  const options = {
    IdentityFile: quotePath(files.login),
    IdentitiesOnly: "yes",
    UserKnownHostsFile: quotePath(files.knownHosts),
    GlobalKnownHostsFile: "none",
    HostKeyAlias: alias,
    StrictHostKeyChecking: "yes",
    PasswordAuthentication: "no",
    ConnectTimeout: "15",
    LogLevel: "ERROR",
  };
  return {
    user,
    hostAddress: forward.hostAddress,
    port: forward.hostPort,
    identityFile: files.login,
    knownHostsFile: files.knownHosts,
    hostKeyAlias: alias,
    arguments: [
      "-F",
      "none",
      ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
      "-p",
      String(forward.hostPort),
      `${user}@${forward.hostAddress}`,
    ],
  };
}

/** ssh_config(5): paths with spaces are quoted, `%` starts a token. */
function quotePath(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}

async function execBySsh(machine: Machine, request: ExecRequest): Promise<ExecOutcome> {
  const target = sshTarget(machine);
  const ssh = await which("ssh", { nothrow: true });
  if (!ssh) throw vivError("host-cannot", "ssh was not found.", "Install OpenSSH: sudo apt-get install openssh-client");
  const words = [
    ...request.environment.map((assignment) => `export ${shellQuote(assignment)};`),
    "exec",
    ...request.command.map(shellQuote),
  ];
  const result = await execa(ssh, [...target.arguments, "-T", words.join(" ")], {
    encoding: "buffer",
    reject: false,
    cancelSignal: request.signal,
    ...(request.stdin ? { input: request.stdin } : { stdin: "ignore" }),
    ...(request.timeoutMs === undefined ? {} : { timeout: request.timeoutMs }),
    stripFinalNewline: false,
    maxBuffer: 256 * 1024 * 1024,
  });
  request.signal.throwIfAborted();
  if (result.timedOut) throw vivError("timeout", `The command did not end within ${request.timeoutMs} ms.`);
  // 255 is ssh's own failure; a command may use it too, but then ssh is silent.
  if (result.exitCode === 255 && result.stderr.length > 0) {
    throw vivError(
      "ssh-failed",
      `SSH to ${machine.name} failed: ${Buffer.from(result.stderr).toString("utf8").trim()}`,
      `Wait for it: viv wait ${machine.name} --for ssh`,
    );
  }
  return {
    exitCode: result.exitCode ?? 255,
    signal: null,
    stdout: Buffer.from(result.stdout),
    stderr: Buffer.from(result.stderr),
    truncated: result.isMaxBuffer,
    way: "ssh",
  };
}

function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Sets the guest's clock from the host's. @returns by how many ms it was off, before. */
export async function syncClock(machine: Machine): Promise<number> {
  const agent = await requireSession(machine).agent.client();
  const before = Date.now();
  const guest = await agent.time();
  const offset = Math.round(guest - (before + Date.now()) / 2);
  await agent.setTime(Date.now());
  return -offset;
}

/** The guest's screen as PNG, drawn by QEMU itself. */
export async function screenshot(machine: Machine): Promise<Buffer> {
  const session = requireSession(machine);
  if (machine.effectiveDefinition?.display.type === "none") {
    throw vivError(
      "wrong-state",
      `${machine.name} has no screen.`,
      `Give it one: viv set ${machine.name} display.type=virtio, then restart it.`,
    );
  }
  const file = join(machine.run.folder, `screen-${process.hrtime.bigint()}.png`);
  try {
    await session.qmp.execute("screendump", { filename: file, format: "png" });
    return await readFile(file);
  } finally {
    await rm(file, { force: true });
  }
}

const keyPauseMs = 20;

export async function sendKeys(machine: Machine, combinations: readonly string[]): Promise<void> {
  const steps = combinations.map(keyCombination);
  const session = requireSession(machine);
  for (const step of steps) await press(session, step);
}

/** Types text on the guest's keyboard. @returns the characters typed. */
export async function typeText(machine: Machine, text: string, layout: string, signal: AbortSignal): Promise<number> {
  const steps = textKeys(text, layout);
  const session = requireSession(machine);
  for (const step of steps) {
    signal.throwIfAborted();
    await press(session, step);
  }
  return [...text].length;
}

/** Down in order, up in reverse; a short pause lets guests that poll their keyboard keep up. */
async function press(session: Session, step: KeyStep): Promise<void> {
  const event = (down: boolean) => (qcode: string) => ({
    type: "key" as const,
    data: { down, key: { type: "qcode" as const, data: qcode } },
  });
  await session.qmp.execute("input-send-event", { events: step.keys.map(event(true)) });
  await session.qmp.execute("input-send-event", { events: [...step.keys].reverse().map(event(false)) });
  await new Promise((wake) => setTimeout(wake, keyPauseMs));
}
