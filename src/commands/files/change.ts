import * as vscode from "vscode";
import { plain } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { askName, fileTarget, nameOf } from "./target.ts";

const { l10n } = vscode;

/** By VS Code's own file service, so that open editors follow and extensions are told. */
const files = vscode.workspace.fs;

export const newFile: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("Folder for the new file"));
  const name = target && (await given(args, l10n.t("New file in {0}", plain(target.path))));
  if (!target || name === undefined) return undefined;
  const uri = vscode.Uri.joinPath(target.uri, name);
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(uri, { overwrite: false });
  if (!(await vscode.workspace.applyEdit(edit))) throw new Error(l10n.t("{0} exists.", plain(uri.path)));
  await vscode.commands.executeCommand("vscode.open", uri);
  return uri;
};

export const newFolder: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("Folder for the new folder"));
  const name = target && (await given(args, l10n.t("New folder in {0}", plain(target.path))));
  if (!target || name === undefined) return undefined;
  const uri = vscode.Uri.joinPath(target.uri, name);
  await files.createDirectory(uri);
  return uri;
};

export const renameFile: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("File or folder to rename"));
  const name = target && (typeof args[1] === "string" && args[2] === undefined ? undefined : args[2]);
  if (!target) return undefined;
  const wanted = typeof name === "string" ? name : await askName(l10n.t("Rename {0}", plain(target.path)), nameOf(target.path));
  if (wanted === undefined || wanted === nameOf(target.path)) return undefined;
  const uri = vscode.Uri.joinPath(target.uri, "..", wanted);
  const edit = new vscode.WorkspaceEdit();
  edit.renameFile(target.uri, uri, { overwrite: false });
  if (!(await vscode.workspace.applyEdit(edit)))
    throw new Error(l10n.t("{0} could not be renamed to {1}.", plain(target.path), plain(wanted)));
  return uri;
};

/** Guests have no trash: asked first. */
export const removeFile: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("File or folder to delete"));
  if (!target) return undefined;
  const { type } = await files.stat(target.uri);
  const isFolder = (type & vscode.FileType.Directory) !== 0 && (type & vscode.FileType.SymbolicLink) === 0;
  const action = l10n.t("Delete for Good");
  const detail = isFolder ? l10n.t("With all that is in it. The guest has no trash.") : l10n.t("The guest has no trash.");
  const question = l10n.t("Delete {0} in {1}?", plain(target.path), plain(target.machine.name));
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) !== action) return undefined;
  await files.delete(target.uri, { recursive: isFolder, useTrash: false });
  return target.uri;
};

function given(args: readonly unknown[], title: string): Thenable<string | undefined> {
  const name = args[2];
  return typeof name === "string" ? Promise.resolve(name) : askName(title);
}
