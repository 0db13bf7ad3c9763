import { unlinkSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Impairment } from "../model/index.ts";
import { FrameReader, type FrameSink, FramingError } from "./frames.ts";

/** A machine's adapter on the segment. */
export interface PortSettings {
  /** Unique on the segment. */
  readonly key: string;
  readonly machine: string;
  readonly mac: number;
  readonly socket: string;
  readonly impairment: Impairment | undefined;
}

/** Why a port's frames did not go on. */
export interface Drops {
  /** Too short, or its sender's address is none. */
  malformed: number;
  /** Sent under another machine's address. */
  spoofed: number;
  /** More broadcasts than the limit. */
  storm: number;
  /** Forbidden by a rule, or an answer of a DHCP server that is not ours. */
  denied: number;
  /** Lost on a link that is bad on purpose. */
  impaired: number;
  /** The receiver did not take frames fast enough. */
  congested: number;
}

export interface Counters {
  framesIn: number;
  bytesIn: number;
  framesOut: number;
  bytesOut: number;
  readonly drops: Drops;
}

/** From here on whoever sends to the port is held back for a moment. */
const holdBackBytes = 256 * 1024;
/** From here on frames are dropped, as a switch does. */
const maximumQueuedBytes = 2 * 1024 * 1024;
/** A receiver that has not taken anything for that long holds nobody back any more: its machine may be paused. */
const stalledAfterMs = 100;

/**
 * The segment's end of one `-netdev stream`: frames come in by `sink`, and go out in as few writes as possible. What
 * neighbours in one chunk is one piece of it, so that a bulk transfer passes without a copy.
 */
export class Port {
  settings: PortSettings;
  readonly counters: Counters = {
    framesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    bytesOut: 0,
    drops: { malformed: 0, spoofed: 0, storm: 0, denied: 0, impaired: 0, congested: 0 },
  };
  problem: string | undefined;
  readonly #server: Server;
  readonly #sink: FrameSink;
  readonly #afterChunk: () => void;
  #socket: Socket | undefined;
  #pieces: Buffer[] = [];
  #chunk: Buffer | undefined;
  #start = 0;
  #end = 0;
  #queued = 0;
  #stalledSince: number | undefined;
  readonly #held = new Set<Port>();

  constructor(settings: PortSettings, sink: FrameSink, afterChunk: () => void) {
    this.settings = settings;
    this.#sink = sink;
    this.#afterChunk = afterChunk;
    this.#server = createServer((socket) => this.#connected(socket));
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  async listen(): Promise<void> {
    removeIfPresent(this.settings.socket);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.settings.socket, () => resolve());
    });
  }

  close(): void {
    this.#server.close();
    this.#socket?.destroy();
  }

  /** Queues `[start, end)`, header included, for the next `flush`. @returns false when it was dropped */
  send(buffer: Buffer, start: number, end: number): boolean {
    if (this.#socket === undefined) return false;
    const bytes = end - start;
    if (this.#socket.writableLength + this.#queued + bytes > maximumQueuedBytes) {
      this.counters.drops.congested += 1;
      return false;
    }
    if (this.#chunk === buffer && this.#end === start) this.#end = end;
    else {
      this.#endPiece();
      this.#chunk = buffer;
      this.#start = start;
      this.#end = end;
    }
    this.#queued += bytes;
    this.counters.framesOut += 1;
    this.counters.bytesOut += bytes - 4;
    return true;
  }

  /** Writes what is queued. */
  flush(): void {
    this.#endPiece();
    const [first] = this.#pieces;
    if (first === undefined) return;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#queued = 0;
    const socket = this.#socket;
    if (socket === undefined) return;
    if (pieces.length === 1) socket.write(first);
    else {
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    }
  }

  /** Stops reading from `sender` while too much waits here, and this port still takes some. */
  holdBack(sender: Port): void {
    const socket = this.#socket;
    if (socket === undefined || socket.writableLength < holdBackBytes) return;
    this.#stalledSince ??= performance.now();
    if (performance.now() - this.#stalledSince > stalledAfterMs) return;
    if (this.#held.size === 0) setTimeout(() => this.#release(), stalledAfterMs / 2);
    this.#held.add(sender);
    sender.#socket?.pause();
  }

  #release(): void {
    for (const sender of this.#held) sender.#socket?.resume();
    this.#held.clear();
  }

  #endPiece(): void {
    if (this.#chunk === undefined) return;
    this.#pieces.push(this.#start === 0 && this.#end === this.#chunk.length ? this.#chunk : this.#chunk.subarray(this.#start, this.#end));
    this.#chunk = undefined;
  }

  /** QEMU comes back by itself when its connection ends; the newest one counts. */
  #connected(socket: Socket): void {
    this.#socket?.destroy();
    this.#socket = socket;
    this.problem = undefined;
    const reader = new FrameReader();
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk, this.#sink);
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        this.problem = error.message;
        socket.destroy();
      }
      this.#afterChunk();
    });
    socket.on("drain", () => {
      this.#stalledSince = undefined;
      this.#release();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#pieces = [];
      this.#chunk = undefined;
      this.#queued = 0;
      this.#stalledSince = undefined;
      this.#release();
    });
  }
}

function removeIfPresent(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
