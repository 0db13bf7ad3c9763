import type { VivStream } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import type { Work } from "./verb.ts";

export interface ConsoleLimits {
  readonly until?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Ctrl+] */
const detachByte = 0x1d;
/** After a piped stdin has ended: how long the console must be silent. */
const silenceMs = 1_000;

/** Joins this terminal (or pipe) and a console until one of them ends; gives the exit code. */
export async function attachConsole(work: Work, name: string, stream: VivStream, limits: ConsoleLimits): Promise<number> {
  const { stdin, stdout } = work.host;
  const raw = stdin.isTTY === true;
  work.note(raw ? `Connected to ${name}. Ctrl+] detaches.` : `Connected to ${name}.`);
  const timers = new Set<NodeJS.Timeout>();
  let onInput: (data: Buffer | string) => void = () => undefined;
  let onInputEnd: () => void = () => undefined;
  // Closing a stream ends it, too: that is not news.
  let leaving = false;
  try {
    if (raw) stdin.setRawMode?.(true);
    return await new Promise<number>((resolve, reject) => {
      let silence: NodeJS.Timeout | undefined;
      const seen = limits.until === undefined ? undefined : textWatcher(limits.until);
      const listenForSilence = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => resolve(0), silenceMs);
        timers.add(silence);
      };
      stream.onData((data) => {
        stdout.write(data);
        if (seen?.(data)) resolve(0);
        if (silence !== undefined) listenForSilence();
      });
      stream.onEnd((reason) => {
        if (leaving) return;
        if (limits.until === undefined) work.note(`\r\nThe console of ${name} ended: ${reason}`);
        if (limits.until === undefined) resolve(0);
        else reject(vivError("failed", `The console of ${name} ended before it printed ${JSON.stringify(limits.until)}: ${reason}`));
      });
      onInput = (chunk) => {
        const data = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
        const detach = raw ? data.indexOf(detachByte) : -1;
        const typed = detach < 0 ? data : data.subarray(0, detach);
        if (typed.length > 0) stream.write(typed);
        if (detach >= 0) resolve(0);
      };
      onInputEnd = () => {
        if (limits.until === undefined) listenForSilence();
      };
      stdin.on("data", onInput);
      stdin.once("end", onInputEnd);
      const abort = () => reject(vivError("cancelled", "Cancelled."));
      if (work.signal.aborted) abort();
      work.signal.addEventListener("abort", abort, { once: true });
      if (limits.timeoutMs !== undefined) timers.add(setTimeout(() => timedOut(resolve, reject), limits.timeoutMs));
    });
  } finally {
    leaving = true;
    for (const timer of timers) clearTimeout(timer);
    stdin.off("data", onInput);
    stdin.off("end", onInputEnd);
    stdin.pause();
    if (raw) stdin.setRawMode?.(false);
    stream.close();
    if (raw) work.note("\r\nDetached.");
  }

  function timedOut(resolve: (code: number) => void, reject: (error: Error) => void): void {
    if (limits.until === undefined) resolve(0);
    else
      reject(
        vivError(
          "timeout",
          `The console of ${name} did not print ${JSON.stringify(limits.until)} in time.`,
          `viv logs ${name} --serial shows what it printed.`,
        ),
      );
  }
}

/** Whether a text has come, also one cut in two by the chunks. */
export function textWatcher(text: string): (data: Buffer) => boolean {
  const wanted = Buffer.from(text);
  let tail = Buffer.alloc(0);
  return (data) => {
    const joined = Buffer.concat([tail, data]);
    tail = joined.subarray(Math.max(0, joined.length - wanted.length + 1));
    return joined.includes(wanted);
  };
}
