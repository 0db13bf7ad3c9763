import { Readable, Writable } from "node:stream";
import { type ErrorReport, isErrorCode, type VivError, vivError } from "../model/index.ts";
import type { VivStream } from "./client.ts";

/**
 * A command in the guest over a stream of the API (`machine.openExec`): each message is one byte of kind and its
 * content, numbers little-endian. Both sides say how much they have taken, so that a slow reader slows the guest
 * instead of filling memory.
 */
export const execKinds = {
  // from the client
  stdin: 0,
  stdinEnd: 1,
  signal: 2,
  resize: 3,
  taken: 4,
  // from the service
  stdout: 16,
  stderr: 17,
  exit: 18,
  stdinTaken: 19,
  failure: 20,
} as const;

/** How much either side may be ahead of the other, bytes. */
export const execAheadBytes = 1024 * 1024;

/** In parts: its content is not copied. */
export function execMessage(kind: keyof typeof execKinds, ...parts: readonly (Uint8Array | number)[]): Uint8Array[] {
  return [Buffer.from([execKinds[kind]]), ...parts.map((part) => (typeof part === "number" ? number32(part) : part))];
}

function number32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

export interface ExecExit {
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
}

/** A command that runs in the guest, as its client sees it. */
export interface ExecSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the command ended and its output was read. @throws VivError */
  readonly exit: Promise<ExecExit>;
  signal(number: number): void;
  resize(rows: number, columns: number): void;
  /** Ends the command. */
  close(): void;
}

const reportBytes = 128 * 1024;

export function execSession(stream: VivStream): ExecSession {
  let ended: (exit: ExecExit) => void = () => undefined;
  let failed: (error: VivError) => void = () => undefined;
  const exit = new Promise<ExecExit>((resolve, reject) => {
    ended = resolve;
    failed = reject;
  });
  exit.catch(() => undefined);
  let over = false;
  let taken = 0;
  let ahead = execAheadBytes;
  let waiting: (() => void) | undefined;
  const reportTaken = () => {
    if (taken < reportBytes || over) return;
    stream.write(execMessage("taken", taken));
    taken = 0;
  };
  const output = () => new Readable({ highWaterMark: execAheadBytes / 2, read: reportTaken });
  const [stdout, stderr] = [output(), output()];
  const send = (chunk: Buffer, sent: () => void): void => {
    if (over || chunk.length === 0) {
      sent();
    } else if (ahead === 0) {
      waiting = () => send(chunk, sent);
    } else {
      const some = chunk.subarray(0, Math.min(chunk.length, ahead, reportBytes));
      ahead -= some.length;
      stream.write(execMessage("stdin", some));
      send(chunk.subarray(some.length), sent);
    }
  };
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, sent) => send(chunk, sent),
    final(sent) {
      if (!over) stream.write(execMessage("stdinEnd"));
      sent();
    },
  });
  stdin.on("error", () => undefined);
  const finish = () => {
    over = true;
    stdout.push(null);
    stderr.push(null);
    waiting?.();
    stdin.destroy();
  };
  stream.onData((message) => {
    const content = message.subarray(1);
    switch (message[0]) {
      case execKinds.stdout:
      case execKinds.stderr:
        taken += content.length;
        if ((message[0] === execKinds.stdout ? stdout : stderr).push(content)) reportTaken();
        break;
      case execKinds.stdinTaken: {
        ahead += content.readUInt32LE(0);
        const resume = waiting;
        waiting = undefined;
        resume?.();
        break;
      }
      case execKinds.exit: {
        const [signalled, value] = [content.readUInt32LE(0) === 1, content.readUInt32LE(4)];
        ended(signalled ? { exitCode: undefined, signal: value } : { exitCode: value, signal: undefined });
        finish();
        break;
      }
      case execKinds.failure:
        failed(failureOf(content));
        finish();
        break;
      default:
        break;
    }
  });
  stream.onEnd(() => {
    failed(vivError("agent-unavailable", "The connection to the command was lost.", "It was ended in the guest; run it again."));
    if (!over) finish();
  });
  return {
    stdin,
    stdout,
    stderr,
    exit,
    signal: (number) => over || stream.write(execMessage("signal", number)),
    resize: (rows, columns) => over || stream.write(execMessage("resize", rows, columns)),
    close: () => stream.close(),
  };
}

function failureOf(content: Buffer): VivError {
  const report = JSON.parse(content.toString("utf8")) as Partial<ErrorReport>;
  return vivError(isErrorCode(report.code) ? report.code : "failed", report.message ?? "The command failed.", report.hint);
}
