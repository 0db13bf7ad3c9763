import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { canStart, type Editor, factsOf, guestScheme, type MachinesChange, plain, stateWord } from "../editor/index.ts";

const { l10n } = vscode;

/** Files that were asked for in vain are remembered up to this many. */
const wantedLimit = 500;

/** Offers to start a machine whose files are wanted, once until it ran; what was asked for in vain comes when it does. */
export class Starter implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #offered = new Set<string>();
  readonly #wanted = new Map<string, Set<string>>();
  readonly #subscription: vscode.Disposable;
  readonly #found: (uris: readonly vscode.Uri[]) => void;

  constructor(editor: Editor, found: (uris: readonly vscode.Uri[]) => void) {
    this.#editor = editor;
    this.#found = found;
    this.#subscription = editor.machines.onDidChange((change) => this.#take(change));
  }

  offer(machine: MachineSummary, uri: vscode.Uri): void {
    const wanted = this.#wanted.get(machine.id) ?? new Set();
    this.#wanted.set(machine.id, wanted);
    if (wanted.size < wantedLimit) wanted.add(uri.toString());
    if (this.#offered.has(machine.id)) return;
    this.#offered.add(machine.id);
    void this.#ask(machine);
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  async #ask(machine: MachineSummary): Promise<void> {
    const [start, resume] = [l10n.t("Start"), l10n.t("Resume")];
    const button = canStart(machine) ? start : machine.state === "paused" ? resume : undefined;
    const text = l10n.t("{0} is {1}: its files are there while it runs.", plain(machine.name), stateWord(machine));
    const chosen = await vscode.window.showWarningMessage(text, ...(button === undefined ? [] : [button]));
    if (chosen !== undefined) await vscode.commands.executeCommand(chosen === start ? "vivarium.start" : "vivarium.resume", machine.id);
  }

  #take({ id, before, after }: MachinesChange): void {
    if (id === undefined || after?.state !== "running" || before?.state === "running") return;
    this.#offered.delete(id);
    const wanted = this.#wanted.get(id);
    if (!wanted) return;
    this.#wanted.delete(id);
    void this.#comeBack(after, wanted);
  }

  async #comeBack({ id, name }: MachineSummary, wanted: ReadonlySet<string>): Promise<void> {
    try {
      await this.#editor.service.call("machine.wait", { machine: id, for: "agent", timeoutMs: 300_000 });
    } catch (error) {
      this.#editor.log.debug(`files of ${name} stay away: ${factsOf(error).message}`);
      return;
    }
    this.#found([...wanted].map((text) => vscode.Uri.parse(text, true)));
    // The Explorer asks again for a folder it could not read only when it is told to.
    if (vscode.workspace.workspaceFolders?.some(({ uri }) => uri.scheme === guestScheme))
      await vscode.commands.executeCommand("workbench.files.action.refreshFilesExplorer");
  }
}
