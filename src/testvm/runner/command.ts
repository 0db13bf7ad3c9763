import { constants } from "node:os";
import type { ExecSession } from "../../api/index.ts";
import { vivError } from "../../model/index.ts";
import type { Plan, PlannedCommand } from "../file/index.ts";
import type { OutputOf, RunWork } from "./work.ts";

export interface CommandEnd {
  /** 128 and the signal's number when one ended it. */
  readonly exitCode: number;
  readonly timedOut: boolean;
}

export interface CommandOptions {
  readonly from: OutputOf;
  /** Before each line of its output, where several run at the same time. */
  readonly label?: string;
  readonly timeoutMs?: number | undefined;
  /** Standard output, as it comes. */
  readonly onStdout?: (chunk: Buffer) => void;
  readonly signal?: AbortSignal;
}

/** As the workspace folder exists only where it is synced. */
export function folderOf(plan: Plan): { folder?: string } {
  return plan.workspaceMount === "none" ? {} : { folder: plan.workspaceFolder };
}

/**
 * Runs a command of the plan in its machine, in the workspace folder, as its user; output goes to the work as it comes.
 * @throws VivError `cancelled`; `agent-unavailable` and others when the machine or the service went away.
 */
export async function runCommand(
  work: RunWork,
  plan: Plan,
  machine: string,
  command: PlannedCommand,
  options: CommandOptions,
): Promise<CommandEnd> {
  const session = await openCommand(work, machine, {
    command: [...command.words],
    environment: [...plan.environment],
    ...(plan.user === undefined ? {} : { user: plan.user }),
    ...folderOf(plan),
  });
  const signal = options.signal ?? work.signal;
  let ended: "timeout" | "cancelled" | undefined;
  const end = (why: "timeout" | "cancelled") => {
    ended ??= why;
    session.signal(constants.signals.SIGKILL);
    session.close();
  };
  const abort = () => end("cancelled");
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => end("timeout"), options.timeoutMs);
  session.stdin.end();
  try {
    await Promise.all([pass(work, session.stdout, "stdout", options), pass(work, session.stderr, "stderr", options)]);
    const { exitCode, signal: by } = await session.exit;
    return { exitCode: by === undefined ? (exitCode ?? 1) : 128 + by, timedOut: ended === "timeout" };
  } catch (error) {
    if (ended === "timeout") return { exitCode: 124, timedOut: true };
    if (ended === "cancelled") throw vivError("cancelled", "Cancelled.");
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** @throws VivError `agent-unavailable` where the guest has no viv-agent. */
export async function openCommand(
  work: RunWork,
  machine: string,
  params: { command: string[]; environment?: string[]; user?: string; folder?: string },
): Promise<ExecSession> {
  const client = await work.connect();
  const session = await client.openExec({ machine, ...params });
  if (!session) throw vivError("agent-unavailable", `${machine} has no viv-agent.`, `Put it there: viv agent install ${machine}`);
  return session;
}

/** Lines are put together only to label them; one that never ends goes on in parts. */
const longestLine = 65_536;

async function pass(
  work: RunWork,
  from: ExecSession["stdout"],
  stream: "stdout" | "stderr",
  { from: whose, label, onStdout }: CommandOptions,
): Promise<void> {
  let rest = Buffer.alloc(0);
  const prefix = label === undefined ? undefined : Buffer.from(`[${label}] `);
  const labelled = async (line: Buffer) => prefix && work.onOutput(whose, stream, Buffer.concat([prefix, line, Buffer.from("\n")]));
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (stream === "stdout") onStdout?.(chunk);
    if (!prefix) {
      await work.onOutput(whose, stream, chunk);
      continue;
    }
    rest = Buffer.concat([rest, chunk]);
    for (let end = lineEnd(rest); end >= 0; end = lineEnd(rest)) {
      await labelled(rest.subarray(0, end));
      rest = rest.subarray(rest[end] === 10 ? end + 1 : end);
    }
  }
  if (rest.length > 0) await labelled(rest);
}

function lineEnd(text: Buffer): number {
  const end = text.indexOf(10);
  return end >= 0 ? end : text.length > longestLine ? longestLine : -1;
}
