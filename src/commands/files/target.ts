import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { guestScheme, guestUri, isGuestFileRef, isRunning, pickMachine, plain } from "../../editor/index.ts";
import type { Work } from "../command.ts";

const { l10n } = vscode;

/** A file or folder of a guest that a command is about. */
export interface FileTarget {
  readonly machine: MachineSummary;
  readonly path: string;
  readonly uri: vscode.Uri;
}

/**
 * From a row of the tree, a URI of the Explorer, or asked for: the machine, then the path. Other code passes a machine
 * and a path.
 * @returns undefined when the user chose none.
 */
export async function fileTarget(work: Work, args: readonly unknown[], title: string): Promise<FileTarget | undefined> {
  const [first, second] = args;
  const { editor } = work;
  if (first instanceof vscode.Uri && first.scheme === guestScheme) {
    await editor.machines.load();
    const machine = editor.machines.find(first.authority);
    return machine && { machine, path: first.path === "" ? "/" : first.path, uri: first };
  }
  const machine = await pickMachine(editor, args, { title, fits: isRunning, none: l10n.t("No machine is running.") });
  if (!machine) return undefined;
  const path = isGuestFileRef(first) ? first.path : typeof second === "string" ? second : await askPath(work, machine, title);
  return path === undefined ? undefined : { machine, path, uri: guestUri(machine.name, path) };
}

async function askPath({ editor }: Work, machine: MachineSummary, title: string): Promise<string | undefined> {
  const home = await editor.service.call("file.home", { machine: machine.id }).catch(() => ({ path: "/" }));
  const value = home.path === "/" ? "/" : `${home.path}/`;
  const typed = await vscode.window.showInputBox({
    title,
    value,
    valueSelection: [value.length, value.length],
    prompt: l10n.t("A path in {0}", plain(machine.name)),
    validateInput: (text) => (text.startsWith("/") ? undefined : l10n.t("The path begins with a slash.")),
  });
  if (typed === undefined) return undefined;
  return typed.length > 1 ? typed.replace(/\/+$/, "") : typed;
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A new name inside a folder; undefined: none was given. */
export function askName(title: string, value = ""): Thenable<string | undefined> {
  const dot = value.lastIndexOf(".");
  return vscode.window.showInputBox({
    title,
    value,
    valueSelection: [0, dot > 0 ? dot : value.length],
    validateInput: (text) =>
      text === "" || text === "." || text === ".." || text.includes("/") ? l10n.t("A name without slashes.") : undefined,
  });
}
