import type { MediaView } from "../api/index.ts";
import { safeText } from "./safe.ts";

/** A CD-ROM drive in one line. */
export function mediaText(name: string, { drive, file, locked, needsRestart }: MediaView): string {
  if (!drive && !needsRestart) return `${name}: no CD-ROM drive\n`;
  const content = file === null ? "empty" : safeText(file);
  const note = needsRestart ? " (at the next start, which brings the drive)" : locked ? " (held by the guest)" : "";
  return `${name}: ${content}${note}\n`;
}
