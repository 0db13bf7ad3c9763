import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { ProcessIdentity } from "../../model/index.ts";
import { killProcess } from "../processEnd.ts";
import { makePrivateFolder, readTextIfPresent, writeFileAtomically } from "../storage.ts";

/**
 * Files and folders that are being made, anywhere on the host: each has a note in `run/partial/` until it is whole or
 * gone. What a vivd that died left is removed by the next one, and the qemu-img that still writes it is ended.
 */
const Note = z.object({ path: z.string(), process: ProcessIdentity.optional() });

export interface Partial {
  /** The program that writes it. */
  writtenBy(process: ProcessIdentity): Promise<void>;
  /** It is whole, or was removed. */
  done(): Promise<void>;
}

function notesFolder(home: string): string {
  return join(home, "run", "partial");
}

/** Says that `path` is half-made from now on. */
export async function beginPartial(home: string, path: string): Promise<Partial> {
  await makePrivateFolder(notesFolder(home));
  const note = join(notesFolder(home), `${randomBytes(6).toString("hex")}.json`);
  const write = (content: z.infer<typeof Note>, durable: boolean) => writeFileAtomically(note, JSON.stringify(content), { durable });
  await write({ path }, true);
  return {
    // After a power cut no process is left to be ended.
    writtenBy: (process) => write({ path, process }, false),
    done: () => rm(note, { force: true }),
  };
}

/** Ends and removes what is half-made. @returns the paths that were removed. */
export async function removePartials(home: string): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(notesFolder(home)).catch(() => [])) {
    const file = join(notesFolder(home), name);
    const note = await readNote(file);
    if (note?.process) await killProcess(note.process);
    if (note) {
      await rm(note.path, { recursive: true, force: true });
      removed.push(note.path);
    }
    await rm(file, { force: true });
  }
  return removed;
}

async function readNote(file: string): Promise<z.infer<typeof Note> | undefined> {
  try {
    return Note.parse(JSON.parse((await readTextIfPresent(file)) ?? "null"));
  } catch {
    return undefined;
  }
}
