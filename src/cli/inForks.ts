import type { ForkView } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import { copyLines } from "./prefixed.ts";
import { runStreamed } from "./streamed.ts";
import type { Work } from "./verb.ts";

export interface ForkCommand {
  readonly command: readonly string[];
  readonly environment: readonly string[];
}

/**
 * Runs a command in each fork at once. One fork's output is passed on as it is; several forks' line by line behind their
 * names. JSON: what became of each. @returns the first exit code that is not 0, in the order of the forks
 */
export async function runInEach(work: Work, forks: readonly ForkView[], command: ForkCommand): Promise<number> {
  const [only] = forks;
  if (forks.length === 1 && only && !work.json)
    return runStreamed(work, await open(work, only.name, command), { terminal: false, input: true });
  const width = Math.max(...forks.map(({ name }) => name.length));
  const codes = await Promise.all(
    forks.map(({ name }) => runPrefixed(work, name, command, `${name.padEnd(width)} | `).catch((error: unknown) => work.report(error))),
  );
  if (work.json)
    work.print(
      forks.map((fork, index) => ({ ...fork, exitCode: codes[index] })),
      () => "",
    );
  return codes.find((code) => code !== 0) ?? 0;
}

async function runPrefixed(work: Work, name: string, command: ForkCommand, prefix: string): Promise<number> {
  const session = await open(work, name, command);
  const abort = () => session.close();
  work.signal.addEventListener("abort", abort, { once: true });
  try {
    session.stdin.end();
    // With --json stdout is for the result.
    const stdout = work.json ? work.host.stderr : work.host.stdout;
    await Promise.all([copyLines(session.stdout, stdout, prefix), copyLines(session.stderr, work.host.stderr, prefix)]);
    const { exitCode, signal } = await session.exit;
    return signal === undefined ? (exitCode ?? 0) : 128 + signal;
  } finally {
    work.signal.removeEventListener("abort", abort);
  }
}

async function open(
  work: Work,
  name: string,
  { command, environment }: ForkCommand,
): Promise<NonNullable<Awaited<ReturnType<Awaited<ReturnType<Work["client"]>>["openExec"]>>>> {
  const session = await (await work.client()).openExec({ machine: name, command: [...command], environment: [...environment] });
  if (session) return session;
  throw vivError(
    "agent-unavailable",
    `A command in a fork needs viv-agent, and ${name} has none.`,
    "Put it into the machine before the template is made: viv agent install NAME",
  );
}
