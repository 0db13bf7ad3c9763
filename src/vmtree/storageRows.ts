import type { Editor } from "../editor/index.ts";
import { diskChildren, grownFrom, layerChildren, removedChildren, snapshotRoots } from "./storageChildren.ts";
import type { DisksNode, SharesNode, SnapshotsNode, StorageNode } from "./storageNodes.ts";

interface Rows {
  readonly disks: DisksNode;
  readonly shares: SharesNode;
  readonly snapshots: SnapshotsNode;
}

/** The rows of each machine that open into its disks, its shared folders and its past. What is in them is asked for when they are opened. */
export class StorageRows {
  readonly #editor: Editor;
  readonly #rows = new Map<string, Rows>();
  /** Those whose children are on screen or were: they are drawn again when something changes. */
  readonly #opened = new Set<StorageNode>();

  constructor(editor: Editor) {
    this.#editor = editor;
  }

  of(machine: string): readonly StorageNode[] {
    const rows = this.#rows.get(machine) ?? {
      disks: { kind: "disks", machine },
      shares: { kind: "shares", machine },
      snapshots: { kind: "snapshots", machine },
    };
    this.#rows.set(machine, rows);
    return [rows.disks, rows.shares, rows.snapshots];
  }

  /** The opened rows of one machine, or of all. */
  openOf(machine: string | undefined): StorageNode[] {
    return [...this.#opened].filter((node) => machine === undefined || node.machine === machine);
  }

  drop(machine: string): void {
    for (const node of this.openOf(machine)) this.#opened.delete(node);
    this.#rows.delete(machine);
  }

  async childrenOf(node: StorageNode): Promise<StorageNode[]> {
    const { storage } = this.#editor;
    const { machine } = node;
    switch (node.kind) {
      case "disks": {
        this.#opened.add(node);
        const [disks, media] = await Promise.all([storage.disks(machine), storage.media(machine)]);
        return diskChildren(machine, disks, media);
      }
      case "snapshots":
        this.#opened.add(node);
        return snapshotRoots(machine, await storage.snapshots(machine));
      case "shares":
        this.#opened.add(node);
        return (await storage.shares(machine)).map((share): StorageNode => ({ kind: "share", machine, share }));
      case "disk":
        return layerChildren(machine, node.disk);
      case "snapshot":
        return node.snapshot.removedAt === null ? grownFrom(machine, await storage.snapshots(machine), node.snapshot.id) : [];
      case "removed":
        return removedChildren(machine, node.list);
      case "share":
      case "layer":
      case "media":
      case "present":
      case "internal":
        return [];
    }
  }
}
