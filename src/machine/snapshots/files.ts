import type { SnapshotRecord, SnapshotsFile } from "../../model/index.ts";
import { chainOf, type LayerGraph } from "./graph.ts";

/** What of a snapshot lies in the machine's folder: layers down to the base, memory, the TPM's state. Names relative to it. */
export function filesOf(graph: LayerGraph, file: SnapshotsFile, record: SnapshotRecord): Set<string> {
  const names = new Set<string>(Object.values(record.layers));
  // What a layer names is needed, there or not.
  for (const layer of Object.values(record.layers))
    for (const { name, backing } of chainOf(graph, layer))
      for (const each of [name, backing?.layer]) if (each !== undefined) names.add(each);
  if (record.memory) names.add(record.memory.file);
  const { tpm } = record;
  if (tpm !== undefined) for (const name of Object.keys(file.frozen)) if (name.startsWith(`${tpm}/`)) names.add(name);
  return names;
}
