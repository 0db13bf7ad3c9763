import type { ImageInspection } from "../../api/index.ts";
import { humanBytes } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { type Style, styleFor } from "../style.ts";
import { fields, table } from "../table.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "image inspect",
  summary: "Say what an image file is, without opening it by QEMU",
  usage: "FILE",
  arguments: { file: { label: "FILE", summary: "qcow2, raw, vmdk, vdi, vhdx, vpc or ISO", completes: "file" } },
  options: {},
  examples: [["viv image inspect disk.vmdk", "format, sizes, partitions, and whether it would be taken in"]],
  async run(work) {
    const found = await work.call("image.inspect", { file: work.path(work.args.file) });
    work.print(found, () => inspectionText(found, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});

function inspectionText(image: ImageInspection, style: Style): string {
  const pairs: (readonly [string, string | undefined])[] = [
    ["format", image.format ?? "none that Vivarium knows"],
    ["size", image.virtualBytes === null ? undefined : humanBytes(image.virtualBytes)],
    ["on disk", humanBytes(image.allocatedBytes)],
    ...image.facts.map(({ name, value }) => [name, safeText(value)] as const),
    ["built on", image.chain.map(({ file, format }) => safeText(`${file} (${format ?? "format not given"})`)).join("\n")],
    ["refused", image.refused === undefined ? undefined : safeText(`it ${image.refused}`)],
  ];
  const parts = [fields(pairs, style)];
  if (image.partitions.length > 0) parts.push(partitionTable(image, style));
  if (image.snapshots.length > 0)
    parts.push(
      table(
        [{ title: "SNAPSHOT" }, { title: "TAKEN" }, { title: "MEMORY", align: "right" }],
        image.snapshots.map(({ name, createdAt, memoryBytes }) => [safeText(name), createdAt, humanBytes(memoryBytes)]),
        style,
      ),
    );
  return parts.join("\n");
}

function partitionTable({ partitions }: ImageInspection, style: Style): string {
  return table(
    [{ title: "PARTITION", align: "right" }, { title: "SIZE", align: "right" }, { title: "TYPE" }, { title: "LABEL" }, { title: "BOOTS" }],
    partitions.map(({ number, type, label, bytes, bootable }) => [
      String(number),
      humanBytes(bytes),
      safeText(type),
      safeText(label ?? ""),
      bootable ? "yes" : "",
    ]),
    style,
  );
}
