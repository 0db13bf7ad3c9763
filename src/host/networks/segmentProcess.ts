import { rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { MessageConnection } from "vscode-jsonrpc/node";
import { isAlive, launch, type ProcessIdentity, type Program } from "../../backends/index.ts";
import { killProcess, makePrivateFolder, readTail } from "../../machine/index.ts";
import { vivError } from "../../model/index.ts";
import { controlSocket, openControl, requests } from "../../segment/index.ts";

export interface SegmentProcess {
  readonly identity: ProcessIdentity;
  readonly control: MessageConnection;
  readonly closed: Promise<void>;
}

export interface SegmentPlace {
  readonly id: string;
  readonly name: string;
  readonly runFolder: string;
  readonly leases: string;
  readonly log: string;
  readonly folder: string;
}

/** Node with the script of a segment; `args` come behind. */
export type SegmentProgram = () => Promise<{ readonly program: Program; readonly arguments: readonly string[] }>;

const readyTimeoutMs = 20_000;

/** Starts a segment's process, which outlives us. @throws VivError `failed` with its words. */
export async function startSegment(place: SegmentPlace, program: SegmentProgram): Promise<SegmentProcess> {
  const found = await program();
  await rm(place.runFolder, { recursive: true, force: true });
  await makePrivateFolder(place.runFolder);
  const launched = await launch({
    program: found.program,
    args: [...found.arguments, "--run", place.runFolder, "--leases", place.leases, "--id", place.id],
    cwd: place.folder,
    stderrFile: place.log,
    scope: `vivarium-net-${place.name}`,
    env: { ELECTRON_RUN_AS_NODE: "1" },
  });
  const identity = { pid: launched.pid, startTime: launched.startTime };
  try {
    return await connectTo(place, identity, readyTimeoutMs);
  } catch (error) {
    await killProcess(identity);
    const words = (await readTail(place.log, 2000)).trim();
    throw vivError("failed", `The network ${place.name} could not be started: ${words || (error as Error).message}`, undefined, error);
  }
}

/** A process that an earlier vivd started, if it still runs and is this network's. */
export async function adoptSegment(place: SegmentPlace, identity: ProcessIdentity): Promise<SegmentProcess | undefined> {
  if (!(await isAlive(identity))) return undefined;
  try {
    const found = await connectTo(place, identity, 3000);
    const { id } = await found.control.sendRequest(requests.status, null);
    if (id === place.id) return found;
    found.control.dispose();
    return undefined;
  } catch {
    // Ours by pid and start time, and deaf: another takes its place, and QEMU dials again.
    await killProcess(identity);
    return undefined;
  }
}

async function connectTo(place: SegmentPlace, identity: ProcessIdentity, timeoutMs: number): Promise<SegmentProcess> {
  const socket = await dial(join(place.runFolder, controlSocket), identity, timeoutMs);
  const control = openControl(socket);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  void closed.then(() => control.dispose());
  control.onError(() => socket.destroy());
  control.listen();
  return { identity, control, closed };
}

async function dial(path: string, identity: ProcessIdentity, timeoutMs: number): Promise<Socket> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect(path);
        socket.once("connect", () => {
          socket.on("error", () => socket.destroy());
          resolve(socket);
        });
        socket.once("error", reject);
      });
    } catch (error) {
      if (Date.now() > deadline || !(await isAlive(identity))) throw error;
      await new Promise((wake) => setTimeout(wake, 10));
    }
  }
}
