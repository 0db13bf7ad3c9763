import { createWriteStream, type WriteStream } from "node:fs";
import { fileHeader, interfaceBlock, packetBlock } from "./pcapng.ts";

/** What a slow disk may have in front of it; beyond, frames are left out and counted. */
const maximumQueuedBytes = 8 * 1024 * 1024;

export interface CaptureOptions {
  readonly file: string;
  /** Only what this machine sends and receives; absent: every frame that reaches the segment, once. */
  readonly machine?: string | undefined;
  /** The capture ends by itself when the file is that long. */
  readonly maximumBytes: number;
}

/** Frames as a pcapng file, which can be read while it grows. A machine is an interface of it. */
export class Capture {
  readonly options: CaptureOptions;
  readonly #stream: WriteStream;
  readonly #interfaces: string[] = [];
  #frames = 0;
  #bytes = 0;
  #missed = 0;
  #problem: string | undefined;
  #ended = false;

  private constructor(options: CaptureOptions, stream: WriteStream) {
    this.options = options;
    this.#stream = stream;
    stream.on("error", (error) => {
      this.#problem = error.message;
      this.#ended = true;
    });
    this.#write(fileHeader("Vivarium", []));
  }

  /** @throws the system's error when the file cannot be made; an existing one is refused. */
  static async open(options: CaptureOptions): Promise<Capture> {
    const stream = createWriteStream(options.file, { flags: "wx", mode: 0o600 });
    await new Promise<void>((resolve, reject) => {
      stream.once("open", () => resolve());
      stream.once("error", reject);
    });
    return new Capture(options, stream);
  }

  get state() {
    return {
      file: this.options.file,
      machine: this.options.machine ?? null,
      frames: this.#frames,
      bytes: this.#bytes,
      missed: this.#missed,
      running: !this.#ended,
      problem: this.#problem ?? null,
    };
  }

  /** A frame that `machine` sent to the segment, or was given by it. */
  frame(machine: string, buffer: Buffer, start: number, end: number, sentByMachine: boolean): void {
    if (this.#ended) return;
    if (this.#stream.writableLength > maximumQueuedBytes) {
      this.#missed += 1;
      return;
    }
    const known = this.#interfaces.indexOf(machine);
    const index = known >= 0 ? known : this.#interfaces.push(machine) - 1;
    if (known < 0) this.#write(interfaceBlock(machine));
    this.#write(packetBlock(index, Date.now(), buffer.subarray(start, end), sentByMachine));
    this.#frames += 1;
    if (this.#bytes >= this.options.maximumBytes) void this.close();
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()));
  }

  #write(bytes: Buffer): void {
    this.#stream.write(bytes);
    this.#bytes += bytes.length;
  }
}
