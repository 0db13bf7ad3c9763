import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { type Definition, humanBytes, vivError } from "../../model/index.ts";
import { currentImage, loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";
import { thresholdStep } from "./plan.ts";

/**
 * The host's free space below a running machine's disks. Nobody polls: QEMU says when an image grows past an offset
 * (block-set-write-threshold), which is set to where the space would begin to be short. One warning is given; the
 * next only after there was ample space again.
 */
const shortFraction = 0.05;
const shortAtMostBytes = 2 * 1024 ** 3;
/** An image is never watched in smaller steps. */
const smallestStepBytes = 16 * 1024 ** 2;

/** Machines that were warned and have not had ample space since. */
const warned = new WeakSet<Session>();

interface Space {
  readonly freeBytes: number;
  /** Below this it is short; twice as much is ample. */
  readonly shortBytes: number;
}

async function spaceAt(folder: string): Promise<Space> {
  const { bavail, bsize, blocks } = await statfs(folder);
  return { freeBytes: bavail * bsize, shortBytes: Math.min(shortAtMostBytes, blocks * bsize * shortFraction) };
}

/** Looks at the space, warns if it is short, and sets the next threshold of every disk. Called when the guest begins or goes on, and by a threshold. */
export async function watchSpace(machine: Machine, session: Session): Promise<void> {
  const definition = machine.state.run?.definition as Definition | undefined;
  if (!definition || machine.session !== session) return;
  const space = await spaceAt(machine.paths.folder);
  if (space.freeBytes > 2 * space.shortBytes) warned.delete(session);
  if (space.freeBytes <= space.shortBytes) {
    if (!warned.has(session)) {
      warned.add(session);
      machine.host.notice(
        machine,
        "warning",
        `The host's disk is nearly full: ${humanBytes(space.freeBytes)} are left for ${machine.name}.`,
        "Free some space (viv prune): a machine that cannot write any more is paused.",
      );
    }
    return;
  }
  const images = await watchedImages(machine, definition);
  const room = space.freeBytes - space.shortBytes;
  const step = Math.ceil(Math.max(room / Math.max(1, images.size), Math.min(room, smallestStepBytes)));
  for (const node of await session.qmp.execute("query-named-block-nodes", { flat: true })) {
    if (node.drv !== "file" || node.ro || !images.has(node.file)) continue;
    const { size } = await stat(node.file);
    // The machine may end meanwhile, the disk be unplugged.
    await runSteps(session, [thresholdStep(node["node-name"], size + step)]).catch(() => undefined);
  }
}

/** Images that grow at their end: qcow2. A raw one is written anywhere. */
async function watchedImages(machine: Machine, definition: Definition): Promise<Set<string>> {
  const { current } = await loadSnapshots(machine.paths);
  const images = definition.disks.filter(({ readOnly }) => !readOnly).map((disk) => currentImage(machine.paths, current.layers, disk));
  return new Set(images.filter(({ format }) => format === "qcow2").map(({ file }) => file));
}

/**
 * A machine that was paused by a full disk goes on only when something was freed: else it would stop again at once.
 * @throws VivError `disk-full`.
 */
export async function requireSomeSpace(machine: Machine): Promise<void> {
  const definition = machine.effectiveDefinition;
  const { current } = await loadSnapshots(machine.paths);
  const folders = new Set((definition?.disks ?? []).map((disk) => dirname(currentImage(machine.paths, current.layers, disk).file)));
  for (const folder of folders) {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize >= 1024 ** 2) continue;
    throw vivError(
      "disk-full",
      `${machine.name} cannot go on: the host's disk is still full.`,
      `Free some space below ${folder}, then resume it: viv resume ${machine.name}`,
    );
  }
}
