import { vivError } from "../../model/index.ts";
import type { Session } from "../session.ts";
import { imagePaths } from "../snapshots/live.ts";

/** Which of QEMU's block nodes belong to a disk. A live snapshot puts a new node on top, so names are asked for, never guessed. */

type BlockDevices = Awaited<ReturnType<typeof blockDevices>>;

function blockDevices(session: Session) {
  return session.qmp.execute("query-block");
}

/** Is this entry of `query-block` the device `id`? Virtio disks are named by the path of their backend. */
function isDevice(entry: BlockDevices[number], id: string): boolean {
  return entry.qdev === id || entry.qdev?.startsWith(`/machine/peripheral/${id}/`) === true || entry.qdev === `/machine/peripheral/${id}`;
}

/** Does the guest have the device? */
export async function hasDevice(session: Session, id: string): Promise<boolean> {
  return (await blockDevices(session)).some((entry) => isDevice(entry, id));
}

/** The node a disk's device stands on. @throws VivError `not-found` when the guest has no such disk. */
export async function topNode(session: Session, deviceId: string, disk: string): Promise<string> {
  const node = (await blockDevices(session)).find((entry) => isDevice(entry, deviceId))?.inserted?.["node-name"];
  if (node === undefined)
    throw vivError("not-found", `The running machine has no disk ${disk}.`, "Restart it, so that it gets what vm.json says.");
  return node;
}

/** How commands about a device's own settings name it: virtio disks by the path of their backend. */
export async function devicePath(session: Session, id: string): Promise<string | undefined> {
  return (await blockDevices(session)).find((entry) => isDevice(entry, id))?.qdev;
}

/**
 * Takes away every node of these files that nobody uses any more. Only nodes that a command or an option made can be
 * named here, and only from the top: what is still in use, or goes with its parent, refuses, so passes follow one
 * another until one changes nothing.
 */
export async function dropNodes(session: Session, files: ReadonlySet<string>): Promise<void> {
  for (;;) {
    const all = await session.qmp.execute("query-named-block-nodes", { flat: true });
    const pathOf = imagePaths(all);
    const nodes = all.filter((node) => files.has(pathOf(node) ?? ""));
    let dropped = 0;
    for (const node of nodes) {
      const gone = await session.qmp.execute("blockdev-del", { "node-name": node["node-name"] }).then(
        () => true,
        () => false,
      );
      if (gone) dropped += 1;
    }
    if (dropped === 0) return;
  }
}
