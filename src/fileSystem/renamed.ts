import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { type Editor, guestScheme, type MachinesChange, plain } from "../editor/index.ts";

const key = "vivarium.files.formerNames";

/**
 * Machines by the names that URIs have: a machine that was renamed is found by its former name too, in this window and
 * those after it, and folders of the workspace go over to the new one.
 */
export class Renamed implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #subscription: vscode.Disposable;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#subscription = editor.machines.onDidChange((change) => this.#take(change));
  }

  find(name: string): MachineSummary | undefined {
    const { machines } = this.#editor;
    const former = this.#former[name];
    return machines.find(name) ?? (former === undefined ? undefined : machines.find(former));
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  get #former(): Readonly<Record<string, string>> {
    return this.#editor.context.globalState.get<Record<string, string>>(key, {});
  }

  #take({ id, before, after }: MachinesChange): void {
    if (id === undefined || !before || !after || before.name === after.name) return;
    const { [after.name]: _taken, ...others } = this.#former;
    void this.#editor.context.globalState.update(key, { ...others, [before.name]: id });
    for (const [index, folder] of (vscode.workspace.workspaceFolders ?? []).entries()) {
      if (folder.uri.scheme !== guestScheme || folder.uri.authority !== before.name) continue;
      const name = folder.name.replace(before.name, plain(after.name));
      vscode.workspace.updateWorkspaceFolders(index, 1, { uri: folder.uri.with({ authority: after.name }), name });
    }
  }
}
