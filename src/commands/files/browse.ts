import * as vscode from "vscode";
import { plain } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { fileTarget } from "./target.ts";

const { l10n } = vscode;

/** A folder of the guest as a folder of the workspace: browsed, searched and edited like any other. */
export const addToWorkspace: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("Folder of a machine to open"));
  if (!target) return undefined;
  const { machine, uri } = target;
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.some((folder) => folder.uri.toString() === uri.toString())) return uri;
  const added = vscode.workspace.updateWorkspaceFolders(folders.length, 0, { uri, name: plain(`${machine.name}: ${target.path}`) });
  if (!added) throw new Error(l10n.t("VS Code did not take the folder {0}.", uri.toString(true)));
  await vscode.commands.executeCommand("workbench.view.explorer");
  return uri;
};

/** One file in an editor. */
export const openFile: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("File of a machine to open"));
  if (!target) return undefined;
  await vscode.commands.executeCommand("vscode.open", target.uri);
  return target.uri;
};

/** What is on screen of guests' files is asked for again: for guests without viv-agent, which tell nothing. */
export const refreshFiles: Command = async ({ view }, ...args) => view.refresh(args[0]);
