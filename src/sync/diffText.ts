import { readFile, readlink } from "node:fs/promises";
import type { Entry } from "./entry.ts";

/** Larger files are told by their size only. */
const textLimit = 512 * 1024;

/** A unified diff from this host's file to the guest's; one line where they are no texts. */
export async function diffText(path: string, here: Side, there: Side): Promise<string> {
  const [mine, theirs] = await Promise.all([text(here), text(there)]);
  if (mine === undefined || theirs === undefined) return `${path}: ${describe(here)} here, ${describe(there)} in the guest\n`;
  const { createTwoFilesPatch } = await import("diff");
  return createTwoFilesPatch(`here/${path}`, `guest/${path}`, mine, theirs, undefined, undefined, { context: 3 }).replace(/^=+\n/, "");
}

export interface Side {
  readonly entry: Entry | undefined;
  readonly file: string;
}

async function text({ entry, file }: Side): Promise<string | undefined> {
  if (entry === undefined) return "";
  if (entry.kind === "link") return `link to ${entry.target ?? (await readlink(file))}\n`;
  if (entry.kind !== "file" || entry.size > textLimit) return undefined;
  const content = await readFile(file);
  return content.includes(0) ? undefined : content.toString("utf8");
}

function describe({ entry }: Side): string {
  if (!entry) return "nothing";
  return entry.kind === "file" ? `a file of ${entry.size} bytes` : entry.kind === "link" ? `a link to ${entry.target ?? ""}` : "a folder";
}
