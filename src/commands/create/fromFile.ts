import { basename } from "node:path";
import type * as vscode from "vscode";
import { groupAssignment } from "../../editor/index.ts";
import type { Work } from "../command.ts";
import { suggestName } from "../name.ts";
import { importMachine } from "../transfer/importMachine.ts";
import { createFromIso } from "./fromIso.ts";

/** A file that was dropped on the tree: an ISO makes a machine that boots it, an image is copied into a new machine. */
export async function createFromFile(work: Work, file: vscode.Uri, group: string | undefined): Promise<unknown> {
  if (file.fsPath.toLowerCase().endsWith(".iso")) return createFromIso(work, file, group);
  const { editor } = work;
  await editor.machines.load();
  const name = suggestName(basename(file.fsPath), new Set(editor.machines.all.map((machine) => machine.name)));
  const made = await importMachine(work, file, name);
  const id = (made as { id?: string } | undefined)?.id;
  if (id !== undefined && group !== undefined) await editor.service.call("machine.set", { machine: id, set: [groupAssignment(group)] });
  return made;
}
