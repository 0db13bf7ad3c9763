import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { type FileStamp, type TemplateRecord, vivError } from "../../model/index.ts";
import { sameStamp, stampOf } from "../snapshots/frozen.ts";

/** The files of a template beside its layers; read-only from the moment they are whole. */
export interface TemplateFiles {
  /** The guest's memory, flat and sparse. */
  readonly memory: string;
  /** The devices' state. */
  readonly state: string;
  readonly record: string;
}

export function templateFiles(folder: string): TemplateFiles {
  return { memory: join(folder, "memory"), state: join(folder, "state"), record: join(folder, "template.json") };
}

/** Nobody writes to them any more. */
export function closeFiles(files: TemplateFiles): TemplateRecord["files"] {
  for (const file of [files.memory, files.state]) chmodSync(file, 0o400);
  return { memory: stampNow(files.memory), state: stampNow(files.state) };
}

function stampNow(file: string): FileStamp {
  return stampOf(statSync(file, { bigint: true }));
}

/**
 * At the price of two `stat`s: a fork that reads memory which was changed would be a guest with a damaged kernel.
 * @throws VivError `damaged`
 */
export function requireUntouched(record: TemplateRecord, files: TemplateFiles): void {
  for (const which of ["memory", "state"] as const) {
    const found = statSync(files[which], { bigint: true, throwIfNoEntry: false });
    if (found && sameStamp(stampOf(found), record.files[which])) continue;
    throw vivError(
      "damaged",
      `The template ${record.name} cannot be used: its ${which} (${files[which]}) ${found ? "was changed since it was made" : "is missing"}.`,
      `Remove it (viv template rm ${record.name}) and make it again; machines that run on it go on.`,
    );
  }
}
