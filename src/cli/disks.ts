import type { DiskDetails } from "../api/index.ts";
import { humanBytes } from "../model/index.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

/** What the verbs of disks share. */
export const diskArgument = { label: "DISK", summary: "The disk's id; viv disk ls shows it" } as const;

/** A line for each disk and, below it, one for each layer when there are several. */
export function diskTable(disks: readonly DiskDetails[], style: Style): string {
  const rows = disks.flatMap((disk) => [
    [
      disk.id,
      disk.bus,
      humanBytes(disk.virtualBytes),
      humanBytes(disk.allocatedBytes),
      humanBytes(disk.sharedBytes),
      disk.reclaimableBytes === null ? "-" : humanBytes(disk.reclaimableBytes),
      notes(disk),
    ],
    ...(disk.layers.length < 2 ? [] : disk.layers.map((layer, index) => layerRow(layer, index === 0))),
  ]);
  return table(
    [
      { title: "DISK" },
      { title: "BUS" },
      { title: "SIZE", align: "right" },
      { title: "ON HOST", align: "right" },
      { title: "SHARED", align: "right" },
      { title: "RECLAIMABLE", align: "right" },
      { title: "" },
    ],
    rows,
    style,
  );
}

function layerRow(layer: DiskDetails["layers"][number], current: boolean): string[] {
  const holds = layer.snapshots.length === 0 ? "" : `snapshots: ${layer.snapshots.join(", ")}`;
  const shared = layer.shared ? humanBytes(layer.allocatedBytes) : "";
  return [
    `  ${current ? "current" : "below"}`,
    layer.format,
    "",
    humanBytes(layer.allocatedBytes),
    shared,
    "",
    [layer.file, holds].filter((part) => part !== "").join("  "),
  ];
}

function notes(disk: DiskDetails): string {
  const limits = limitText(disk.limits);
  return [
    disk.readOnly ? "read-only" : "",
    disk.attached ? "attached" : "",
    limits === "" ? "" : `at most ${limits}`,
    disk.problem === undefined ? "" : `PROBLEM: ${disk.problem}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

/** `2 MiB/s written, 100 reads/s`; empty without limits. */
export function limitText(limits: DiskDetails["limits"]): string {
  return [
    limits.readBytesPerSecond > 0 ? `${humanBytes(limits.readBytesPerSecond)}/s read` : "",
    limits.writeBytesPerSecond > 0 ? `${humanBytes(limits.writeBytesPerSecond)}/s written` : "",
    limits.readsPerSecond > 0 ? `${limits.readsPerSecond} reads/s` : "",
    limits.writesPerSecond > 0 ? `${limits.writesPerSecond} writes/s` : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}
