import { closeSync, openSync, readSync } from "node:fs";
import type { Definition, LayerMap } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { layerPath } from "./graph.ts";

/** Snapshots that an imported qcow2 file brings inside itself. Layout: QEMU's docs/interop/qcow2.rst, “Snapshots”. */
export interface InternalSnapshot {
  readonly disk: string;
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly memoryBytes: number;
}

/** More than this nobody made on purpose. */
const mostSnapshots = 1000;
const entryHeadBytes = 40;

export function internalSnapshots(machine: Machine, definition: Definition, layers: LayerMap): InternalSnapshot[] {
  return definition.disks.flatMap((disk) => {
    const layer = layers[disk.id];
    if (disk.format !== "qcow2" || layer === undefined || layer !== disk.file) return [];
    try {
      return readTable(layerPath(machine.paths, layer)).map((each) => ({ disk: disk.id, ...each }));
    } catch {
      return [];
    }
  });
}

function readTable(path: string): Omit<InternalSnapshot, "disk">[] {
  const descriptor = openSync(path, "r");
  try {
    const head = Buffer.alloc(72);
    if (readSync(descriptor, head, 0, head.length, 0) < head.length) return [];
    const count = Math.min(head.readUInt32BE(60), mostSnapshots);
    let at = Number(head.readBigUInt64BE(64));
    const found: Omit<InternalSnapshot, "disk">[] = [];
    for (let index = 0; index < count; index += 1) {
      const entry = Buffer.alloc(entryHeadBytes + 65_536 * 2 + 1024);
      const length = readSync(descriptor, entry, 0, entry.length, at);
      if (length < entryHeadBytes) break;
      const [idLength, nameLength, extraLength] = [entry.readUInt16BE(12), entry.readUInt16BE(14), entry.readUInt32BE(36)];
      const strings = entryHeadBytes + extraLength;
      if (extraLength > 1024 || strings + idLength + nameLength > length) break;
      const largeState = extraLength >= 8 ? Number(entry.readBigUInt64BE(entryHeadBytes)) : 0;
      found.push({
        id: entry.toString("utf8", strings, strings + idLength),
        name: entry.toString("utf8", strings + idLength, strings + idLength + nameLength),
        createdAt: new Date(entry.readUInt32BE(16) * 1000).toISOString(),
        memoryBytes: largeState || entry.readUInt32BE(32),
      });
      at += Math.ceil((strings + idLength + nameLength) / 8) * 8;
    }
    return found;
  } finally {
    closeSync(descriptor);
  }
}
