import { execFile } from "node:child_process";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { connectQmp, type HumanCommand, type QmpClient } from "../../src/qemu/index.ts";
import type { TestHome } from "./home.ts";
import { runTool } from "./tools.ts";

/** A machine whose disk is written to from outside, block by block, so that a test knows what must be in it. */

const execute = promisify(execFile);

export const blocks = 32;
const blockBytes = 65_536;

interface Records {
  readonly snapshots: {
    readonly id: string;
    readonly name: string;
    readonly layers: Record<string, string>;
    readonly removedAt?: string;
  }[];
  readonly current: { readonly layers: Record<string, string> };
}

/** A small machine without any guest: firmware that finds nothing to boot, and sleeps. */
export async function emptyMachine(client: VivClient, name: string): Promise<void> {
  await client.call("machine.create", {
    name,
    memory: "32M",
    cpus: 1,
    disk: "2M",
    set: ["display.type=none", "networks=[]", "devices.rng=false", "devices.tablet=false", "bootOrder=[]"],
  });
}

/** `disk[block]` is the byte that fills the block. */
export type Content = readonly number[];

export class WrittenDisk {
  readonly #home: TestHome;
  readonly #machine: string;
  #monitor: QmpClient | undefined;

  constructor(home: TestHome, machine: string) {
    this.#home = home;
    this.#machine = machine;
  }

  get folder(): string {
    return this.#home.machineFolder(this.#machine);
  }

  async records(): Promise<Records> {
    const text = await readFile(join(this.folder, "snapshots.json"), "utf8").catch(() => "");
    return text === "" ? { snapshots: [], current: { layers: {} } } : (JSON.parse(text) as Records);
  }

  async write(state: MachineDetails, block: number, pattern: number): Promise<void> {
    const command = `write -P ${pattern} ${block * blockBytes} ${blockBytes}`;
    if (state.pid !== null) return this.#say(state, command);
    const layer = (await this.records()).current.layers["disk0"] ?? "disk0.qcow2";
    await execute("qemu-io", ["-f", "qcow2", "-c", command, layer], { cwd: this.folder });
  }

  async #say(state: MachineDetails, command: string): Promise<void> {
    this.#monitor ??= await connectQmp(connectSocket(join(this.#home.folder, "run", state.id.slice(0, 8), "rescue.sock")));
    const line = `qemu-io -d /machine/peripheral/disk0-device/virtio-backend "${command}"` as unknown as HumanCommand;
    const answer = await this.#monitor.execute("human-monitor-command", { "command-line": line }, { timeoutMs: 30_000 });
    if (/error|not found|fail/i.test(answer)) throw new Error(`qemu-io ${command}: ${answer}`);
  }

  /** The process may be another one from here. */
  forgetProcess(): void {
    this.#monitor?.dispose();
    this.#monitor = undefined;
  }

  /** What the present holds; of a running machine after it has written out what it keeps in memory. */
  async present(state: MachineDetails): Promise<number[]> {
    if (state.pid !== null) await this.#say(state, "flush");
    return this.content((await this.records()).current.layers["disk0"] ?? "disk0.qcow2");
  }

  /** What a layer shows, with all it stands on. Each block must be of one byte. */
  async content(layer: string): Promise<number[]> {
    const folder = await mkdtemp("/dev/shm/viv-");
    try {
      const raw = join(folder, "raw");
      const outcome = await runTool("qemu-img", ["convert", "-U", "-f", "qcow2", "-O", "raw", layer, raw], this.folder);
      if (outcome.exitCode !== 0) throw new Error(`${layer}: ${outcome.stderr}`);
      const bytes = await start(raw, blocks * blockBytes);
      return Array.from({ length: blocks }, (_, block) => {
        const slice = bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
        const [first = 0] = slice;
        if (slice.length !== blockBytes || slice.some((byte) => byte !== first)) throw new Error(`${layer}: block ${block} is torn`);
        return first;
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** The disk may have grown since. */
async function start(file: string, length: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** A sequence that a seed repeats (mulberry32). */
export function seededRandom(seed: number): { below(limit: number): number; pick<T>(items: readonly T[]): T } {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    pick: (items) => {
      const found = items[below(items.length)];
      if (found === undefined) throw new Error("nothing to pick from");
      return found;
    },
  };
}
