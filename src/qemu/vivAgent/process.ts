import { Readable, Writable } from "node:stream";
import { type VivError, vivError } from "../../model/index.ts";
import { deferred } from "../deferred.ts";
import { dataChunkBytes } from "./frames.ts";

/** How a command in the guest ended; `signal` when one ended it. */
export interface VivExit {
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
}

/** A command that runs in the guest. Its streams carry as much as their readers take: nothing piles up. */
export interface VivProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty for a terminal. */
  readonly stderr: Readable;
  /** Resolves with its process number in the guest. @throws as `exit`. */
  readonly started: Promise<number>;
  /**
   * Resolves when it ended and all it said has been read or dropped.
   * @throws VivError `not-found` (no such program), `agent-failed` (it could not be started), `agent-unavailable` (the connection ended).
   */
  readonly exit: Promise<VivExit>;
  signal(number: number): void;
  resize(rows: number, columns: number): void;
  /** Kills it and forgets it. */
  close(): void;
}

export interface ProcessWire {
  data(bytes: Buffer): void;
  window(bytes: number): void;
  signal(number: number): void;
  resize(rows: number, columns: number): void;
  close(): void;
}

/** Bytes of output the guest may send ahead of what was read here. */
export const outputCreditBytes = 1024 * 1024;
/** Bytes of input the agent holds for a process that does not read. */
const inputCreditBytes = 128 * 1024;
const grantBytes = 128 * 1024;

/** The host's end of one stream; the connection calls what is not in `VivProcess`. */
export class StreamProcess implements VivProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #wire: ProcessWire;
  readonly #started = deferred<number>();
  readonly #exit = deferred<VivExit>();
  readonly #what: string;
  #inputCredit = inputCreditBytes;
  #waiting: (() => void) | undefined;
  #taken = 0;
  #allowed = outputCreditBytes;
  #over = false;

  constructor(wire: ProcessWire, what: string) {
    this.#wire = wire;
    this.#what = what;
    this.stdout = this.#output();
    this.stderr = this.#output();
    this.stdin = new Writable({
      highWaterMark: inputCreditBytes,
      write: (chunk: Buffer, _encoding, done) => this.#send(chunk, done),
      final: (done) => {
        if (!this.#over) wire.data(Buffer.alloc(0));
        done();
      },
    });
    this.stdin.on("error", () => undefined);
  }

  get started(): Promise<number> {
    return this.#started.promise;
  }

  get exit(): Promise<VivExit> {
    return this.#exit.promise;
  }

  signal(number: number): void {
    if (!this.#over) this.#wire.signal(number);
  }

  resize(rows: number, columns: number): void {
    if (!this.#over) this.#wire.resize(rows, columns);
  }

  close(): void {
    if (this.#over) return;
    this.#wire.close();
    this.fail(vivError("cancelled", "Cancelled."));
  }

  hasStarted(pid: number): void {
    this.#started.resolve(pid);
  }

  hasSaid(channel: number, bytes: Buffer): void {
    const stream = channel === 2 ? this.stderr : this.stdout;
    this.#allowed -= bytes.length;
    // A guest that does not count would fill this host's memory.
    if (this.#allowed < 0) throw new Error("the guest's agent sent more than it was allowed");
    this.#taken += bytes.length;
    if (stream.push(bytes)) this.#grant();
  }

  hasTaken(bytes: number): void {
    this.#inputCredit += bytes;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  hasEnded(exit: VivExit): void {
    this.#started.resolve(0);
    this.#end();
    this.#exit.resolve(exit);
  }

  /** The agent's word on why it could not be started: an errno of Linux and what it was about. */
  wasRefused(number: number, about: string): void {
    this.fail(refusal(number, about, this.#what));
  }

  fail(error: VivError): void {
    this.#started.reject(error);
    this.#exit.reject(error);
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.stdout.push(null);
    this.stderr.push(null);
    this.stdin.destroy();
    this.#waiting?.();
  }

  #output(): Readable {
    // A reader that asks has taken what it got: the guest may send as much again.
    return new Readable({ highWaterMark: outputCreditBytes / 2, read: () => this.#grant(), emitClose: true });
  }

  #grant(): void {
    if (this.#taken < grantBytes || this.#over) return;
    this.#wire.window(this.#taken);
    this.#allowed += this.#taken;
    this.#taken = 0;
  }

  #send(chunk: Buffer, done: (error?: Error) => void): void {
    if (this.#over || chunk.length === 0) {
      done();
      return;
    }
    if (this.#inputCredit === 0) {
      this.#waiting = () => this.#send(chunk, done);
      return;
    }
    const some = chunk.subarray(0, Math.min(chunk.length, this.#inputCredit, dataChunkBytes));
    this.#inputCredit -= some.length;
    this.#wire.data(some);
    this.#send(chunk.subarray(some.length), done);
  }
}

const errno = { notPermitted: 1, noEntry: 2, again: 11, noMemory: 12, access: 13, notDirectory: 20, tooLong: 36 } as const;

function refusal(number: number, about: string, what: string): VivError {
  const said = about.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100);
  switch (number) {
    case errno.noEntry:
      if (said === "user" || said === "folder") return vivError("not-found", `The guest has no such ${said} for ${what}.`);
      return vivError("not-found", `The guest has no program ${what}.`, "A line of shell needs a shell: viv exec NAME -- sh -c '…'");
    case errno.notPermitted:
    case errno.access:
      return vivError("agent-failed", `The guest may not run ${what} (permission denied).`, "Check its mode and the user it is run as.");
    case errno.notDirectory:
      return vivError("agent-failed", `The guest cannot run ${what}: a part of its path is no folder.`);
    case errno.again:
    case errno.noMemory:
      return vivError("agent-failed", `The guest has no room for another process (${what}).`, "Wait for others to end.");
    default:
      return vivError("agent-failed", `The guest could not start ${what}: error ${number} (${said}).`);
  }
}
