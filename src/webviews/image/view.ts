import type { ImageInspection } from "../../api/index.ts";
import { l10n } from "../ui/l10n.ts";
import type { ImageAction, ImageState, Segment } from "./messages.ts";

/** What the page shows of an image file; pure, and everything in words. Labels in it are whoever's made the image. */

export interface Words {
  bytes(count: number): string;
  time(time: string): string;
  /** One line without control characters. */
  plain(text: string, maximum?: number): string;
}

export function imageState(inspection: ImageInspection, place: { file: string; folder: string }, words: Words): ImageState {
  const { format, virtualBytes, allocatedBytes, partitions, refused } = inspection;
  const known = format !== null;
  const sizes = [
    virtualBytes === null || format === "iso" ? undefined : l10n.t("{0} for the guest", words.bytes(virtualBytes)),
    l10n.t("{0} on this computer", words.bytes(allocatedBytes)),
  ];
  return {
    file: words.plain(place.file),
    folder: words.plain(place.folder, 1000),
    format: format === null ? l10n.t("no format that is known") : formatWord(format),
    known,
    summary: sizes.filter((part) => part !== undefined).join(" · "),
    filled:
      virtualBytes === null || virtualBytes === 0 || format === "iso"
        ? null
        : {
            share: Math.min(1, allocatedBytes / virtualBytes),
            allocated: words.bytes(allocatedBytes),
            virtual: words.bytes(virtualBytes),
          },
    facts: inspection.facts.map(({ name, value }) => ({ name: capital(words.plain(name, 80)), value: words.plain(value, 500) })),
    chain: inspection.chain.map((one) => ({ file: words.plain(one.file, 1000), format: one.format ?? "" })),
    snapshots: inspection.snapshots.map(({ name, createdAt, memoryBytes }) => ({
      name: words.plain(name, 100),
      taken: words.time(createdAt),
      memory: memoryBytes > 0 ? words.bytes(memoryBytes) : "",
    })),
    partitions: partitions.map(({ number, type, label, startByte, bytes, bootable }) => ({
      number,
      type: words.plain(type, 80),
      label: words.plain(label ?? "", 80),
      start: words.bytes(startByte),
      size: words.bytes(bytes),
      bootable,
    })),
    segments: virtualBytes === null ? [] : segmentsOf(partitions, virtualBytes, words),
    actions: actionsFor(inspection),
    ...(refused === undefined ? {} : { refused: words.plain(refused, 500) }),
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A refused image can only be looked at; an ISO and an appliance have nothing to check or convert. */
function actionsFor({ format, refused }: ImageInspection): ImageAction[] {
  if (format === null || refused !== undefined) return [];
  return format === "iso" || format === "ova" ? ["import"] : ["import", "convert", "check"];
}

function formatWord(format: NonNullable<ImageInspection["format"]>): string {
  switch (format) {
    case "qcow2":
    case "raw":
      return format;
    case "iso":
      return l10n.t("ISO (CD or DVD)");
    case "vpc":
      return "VHD";
    case "vmdk":
    case "vdi":
    case "vhdx":
    case "ova":
      return format.toUpperCase();
  }
}

/** The partitions in the order they lie on the disk, and what lies between them. What is absurd is cut to the disk. */
export function segmentsOf(partitions: ImageInspection["partitions"], virtualBytes: number, words: Words): Segment[] {
  if (partitions.length === 0 || virtualBytes <= 0) return [];
  const segments: Segment[] = [];
  const unused = (bytes: number): void => {
    if (bytes / virtualBytes > 0.002) segments.push({ share: bytes / virtualBytes, label: l10n.t("unused, {0}", words.bytes(bytes)) });
  };
  let at = 0;
  for (const one of [...partitions].sort((left, right) => left.startByte - right.startByte)) {
    const start = Math.min(virtualBytes, Math.max(at, one.startByte));
    const end = Math.min(virtualBytes, Math.max(start, one.startByte + one.bytes));
    unused(start - at);
    const label = [String(one.number), words.plain(one.label ?? "", 40), words.plain(one.type, 40), words.bytes(one.bytes)];
    if (end > start)
      segments.push({ number: one.number, share: (end - start) / virtualBytes, label: label.filter((part) => part !== "").join(" · ") });
    at = Math.max(at, end);
  }
  unused(virtualBytes - at);
  return segments;
}
