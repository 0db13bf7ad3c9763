import * as vscode from "vscode";
import { type Editor, homeSetting, plain } from "../editor/index.ts";
import type { LoadedFile, Plan } from "../testvm/index.ts";
import { secretsOf } from "./secrets.ts";

const { l10n } = vscode;

/** A file that is trusted as it is now, and what it wants for one target. */
export interface Runnable {
  readonly loaded: LoadedFile;
  readonly plan: Plan;
}

/**
 * Asks once for each content of the file, as `viv test` does, and shares its answers.
 * @returns undefined when it was not trusted: nothing runs.
 * @throws VivError `invalid-definition`, `not-found`.
 */
export async function runnable(editor: Editor, folder: vscode.WorkspaceFolder, target: string | undefined): Promise<Runnable | undefined> {
  const { askedEnvironment, loadFile, problemsError, resolvePlan, shownIn, TrustStore } = await import("../testvm/index.ts");
  const { homeFolder } = await import("../api/index.ts");
  if (!vscode.workspace.isTrusted) {
    const manage = l10n.t("Manage Workspace Trust");
    const asked = l10n.t("Nothing was run: this workspace is not trusted.");
    // The run ends; the message stays until somebody reads it.
    void vscode.window.showWarningMessage(asked, manage).then((answer) => {
      if (answer === manage) void vscode.commands.executeCommand("workbench.trust.manage");
    });
    return undefined;
  }
  const loaded = await loadFile(folder.uri.fsPath);
  if ("problems" in loaded) throw problemsError(loaded.problems, shownIn(loaded.folder));
  const store = new TrustStore(homeFolder(homeSetting()));
  const names = askedEnvironment(loaded);
  const entry = (await store.find(loaded.folder, loaded.hash)) ?? ((await ask(folder, names)) ? await store.add(newEntry()) : undefined);
  if (!entry) return undefined;
  const environment = { ...process.env, ...(await secretsOf(editor, loaded.folder, entry.allowedEnvironment)) };
  const resolved = resolvePlan(loaded, target, { environment, allowed: new Set(entry.allowedEnvironment) });
  if ("problems" in resolved) throw problemsError(resolved.problems, shownIn(loaded.folder));
  return { loaded, plan: resolved.plan };

  function newEntry() {
    const { folder: real, hash } = loaded as LoadedFile;
    return { folder: real, hash, allowedEnvironment: names };
  }
}

async function ask(folder: vscode.WorkspaceFolder, names: readonly string[]): Promise<boolean> {
  const trust = l10n.t("Trust and Run");
  const detail =
    names.length === 0
      ? l10n.t("It asks for nothing of this computer's environment. You are asked again when the file changes.")
      : l10n.t(
          "Its guests get these variables of yours: {0}. You are asked again when the file changes.",
          names.map((name) => plain(name)).join(", "),
        );
  const question = l10n.t("{0} wants to run the commands of .testvm/testvm.json in test machines.", plain(folder.name));
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, trust)) === trust;
}
