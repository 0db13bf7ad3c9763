import type { Writable } from "node:stream";
import type { ExecSession } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import type { Input, Output } from "./host.ts";
import type { Work } from "./verb.ts";

export interface StreamedOptions {
  /** Keys go to the guest one by one, sizes follow this terminal. */
  readonly terminal: boolean;
  /** Pass stdin on. */
  readonly input: boolean;
  readonly timeoutMs?: number | undefined;
}

/** Size of the terminal, where it does not tell. */
export const defaultSize = { rows: 24, columns: 80 } as const;

export function terminalSize(output: Output & { readonly rows?: number }): { rows: number; columns: number } {
  return { rows: output.rows || defaultSize.rows, columns: output.columns || defaultSize.columns };
}

/**
 * Joins this process's streams and a command's in the guest until it ends; gives the exit code (128 and the signal's
 * number when one ended it). @throws VivError `timeout`, `cancelled`, and as `ExecSession.exit`.
 */
export async function runStreamed(work: Work, session: ExecSession, options: StreamedOptions): Promise<number> {
  const { stdin, stdout, stderr } = work.host;
  const raw = options.terminal && stdin.isTTY === true;
  const cleanUps: (() => void)[] = [];
  let failure: Error | undefined;
  const giveUp = (error: Error) => {
    failure ??= error;
    session.close();
  };
  try {
    if (options.timeoutMs !== undefined) {
      const timer = setTimeout(
        () => giveUp(vivError("timeout", `The command did not end within ${options.timeoutMs} ms.`)),
        options.timeoutMs,
      );
      cleanUps.push(() => clearTimeout(timer));
    }
    const abort = () => giveUp(vivError("cancelled", "Cancelled."));
    work.signal.addEventListener("abort", abort, { once: true });
    cleanUps.push(() => work.signal.removeEventListener("abort", abort));
    if (raw) {
      stdin.setRawMode?.(true);
      cleanUps.push(() => stdin.setRawMode?.(false));
    }
    if (options.terminal) {
      const resized = () => {
        const { rows, columns } = terminalSize(stdout);
        session.resize(rows, columns);
      };
      stdout.on("resize", resized);
      cleanUps.push(() => stdout.off("resize", resized));
    }
    if (options.input) cleanUps.push(forward(stdin, session.stdin));
    else session.stdin.end();
    await Promise.all([copy(session.stdout, stdout), copy(session.stderr, stderr)]);
    const { exitCode, signal } = await session.exit;
    return signal === undefined ? (exitCode ?? 0) : 128 + signal;
  } catch (error) {
    throw failure ?? error;
  } finally {
    for (const cleanUp of cleanUps) cleanUp();
  }
}

/** A reader that went away (`| head`) ends the command as a broken pipe would. */
async function copy(from: ExecSession["stdout"], to: Writable): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (!to.write(chunk)) await new Promise<void>((drained) => to.once("drain", drained));
  }
}

function forward(from: Input, to: Writable): () => void {
  const onData = (chunk: Buffer | string) => {
    if (!to.write(chunk)) {
      from.pause();
      to.once("drain", () => from.resume());
    }
  };
  const onEnd = () => to.end();
  from.on("data", onData);
  from.once("end", onEnd);
  return () => {
    from.off("data", onData);
    from.off("end", onEnd);
    from.pause();
  };
}
