import * as vscode from "vscode";
import type { Editor } from "./editor.ts";
import { plain } from "./text.ts";

const { l10n } = vscode;

const toldKey = "vivarium.toldWhichSide";

/**
 * In a remote window the extension may run on the other side from the files (`extensionKind` of package.json: on the
 * person's own computer, where it is installed there). @returns the remote's name then.
 */
export function otherSide(): string | undefined {
  const { remoteName } = vscode.env;
  if (remoteName === undefined) return undefined;
  const isHere = vscode.extensions.getExtension("vivarium.vivarium")?.extensionKind === vscode.ExtensionKind.UI;
  return isHere ? plain(remoteName) : undefined;
}

/** Told once for each kind of remote; the view's title says it always. */
export function saySide({ context: { globalState } }: Editor): void {
  const remote = otherSide();
  if (remote === undefined) return;
  const told = globalState.get<unknown>(toldKey);
  const known: readonly unknown[] = Array.isArray(told) ? told : [];
  if (known.includes(remote)) return;
  void globalState.update(toldKey, [...known, remote]);
  void vscode.window.showInformationMessage(
    l10n.t(
      "Vivarium runs machines on this computer, not on {0}: the files of this window are on the other side. Install Vivarium there too, and uninstall it here, to run machines beside them.",
      remote,
    ),
  );
}
