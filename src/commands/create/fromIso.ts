import { availableParallelism, totalmem } from "node:os";
import { basename } from "node:path";
import * as vscode from "vscode";
import { plain } from "../../editor/index.ts";
import type { Work } from "../command.ts";
import { suggestName } from "../name.ts";
import { makeMachine } from "./make.ts";
import { fromPreset } from "./sizeStep.ts";
import { sizesFor } from "./sizes.ts";

const { l10n } = vscode;

/** An ISO that was dropped on the tree: a machine of the usual size, named after the file. Not started: look first. */
export async function createFromIso(work: Work, file: vscode.Uri, group: string | undefined): Promise<string | undefined> {
  const { editor } = work;
  await editor.machines.load();
  const sizes = sizesFor({ cores: availableParallelism(), memoryBytes: totalmem() });
  const size = sizes.find(({ name }) => name === "medium") ?? sizes[0];
  if (!size) return undefined;
  const name = suggestName(basename(file.fsPath), new Set(editor.machines.all.map((machine) => machine.name)));
  const guest = { from: "iso" as const, file: file.fsPath };
  const made = await makeMachine(work, { guest, size: fromPreset(size), name, network: "nat", ports: [], group }, { start: false });
  if (made) void offer(made.id, name, basename(file.fsPath));
  return made?.id;
}

async function offer(machine: string, name: string, file: string): Promise<void> {
  const start = l10n.t("Start");
  const settings = l10n.t("Settings");
  const undo = l10n.t("Undo");
  const chosen = await vscode.window.showInformationMessage(l10n.t("{0} was made from {1}.", name, plain(file, 80)), start, settings, undo);
  if (chosen === start) {
    await vscode.commands.executeCommand("vivarium.start", machine);
    await vscode.commands.executeCommand("vivarium.openConsole", machine);
  } else if (chosen === settings) await vscode.commands.executeCommand("vivarium.editSettings", machine);
  else if (chosen === undo) await vscode.commands.executeCommand("vivarium.remove", machine);
}
