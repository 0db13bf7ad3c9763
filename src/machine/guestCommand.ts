import { vivError } from "../model/index.ts";
import type { Session } from "./session.ts";

/** What a command of ours in the guest gave. */
export interface GuestOutcome {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GuestCommandOptions {
  readonly stdin?: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** What our own commands say is short. */
const outputLimitBytes = 1024 ** 2;

/** Does an agent answer that can run a command? */
export async function hasAgent(session: Session): Promise<boolean> {
  return (await session.vivAgent.find()) !== undefined || session.agent.connected;
}

/**
 * Runs a short command in the guest as root, by viv-agent, else by qemu-guest-agent.
 * @throws VivError `agent-unavailable`, `timeout`, `cancelled`, and what the agents throw
 */
export async function guestCommand(session: Session, words: readonly string[], options: GuestCommandOptions): Promise<GuestOutcome> {
  const { stdin = Buffer.alloc(0), timeoutMs, signal } = options;
  const vivAgent = await session.vivAgent.find();
  if (!vivAgent) {
    const [program = "", ...args] = words;
    const agent = await session.agent.client();
    const result = await agent.exec({ program, args, stdin }, { timeoutMs, ...(signal ? { signal } : {}) });
    return { exitCode: result.exitCode, stdout: result.stdout.toString("utf8"), stderr: result.stderr.toString("utf8") };
  }
  const process = vivAgent.run({ words });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.close();
  }, timeoutMs);
  const stop = () => process.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    process.stdin.end(stdin);
    const [stdout, stderr, { exitCode }] = await Promise.all([textOf(process.stdout), textOf(process.stderr), process.exit]);
    return { exitCode, stdout, stderr };
  } catch (error) {
    signal?.throwIfAborted();
    throw late ? vivError("timeout", `A command in the guest did not end within ${timeoutMs / 1000} s.`) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes <= outputLimitBytes) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
