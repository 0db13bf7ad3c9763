import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { type Editor, operationWords, plain } from "../editor/index.ts";

const { l10n } = vscode;

/** One quiet item: how many machines run; a spinner while something is in progress. */
export class StatusBar implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: vscode.Disposable[];

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#item = vscode.window.createStatusBarItem("vivarium.machines", vscode.StatusBarAlignment.Left, 10);
    this.#item.name = l10n.t("Vivarium machines");
    this.#item.command = "vivarium.machines.focus";
    this.#subscriptions = [
      this.#item,
      editor.machines.onDidChange(() => this.#paint()),
      editor.service.onDidChangeStatus(() => this.#paint()),
    ];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #paint(): void {
    const { machines, service } = this.#editor;
    if (machines.all.length === 0) {
      this.#item.hide();
      return;
    }
    const busy = machines.all.filter(({ operation }) => operation !== undefined);
    const [first] = busy;
    const running = l10n.t("{0} running", machines.runningCount);
    if (service.status === "lost")
      this.#show("$(sync~spin)", running, l10n.t("Reconnecting to the background service. Machines keep running."));
    else if (first)
      this.#show("$(loading~spin)", busy.length === 1 ? plain(first.name) : l10n.t("{0} machines", busy.length), busyTooltip(busy));
    else this.#show("$(vm)", running, l10n.t("Vivarium: {0} of {1} machines run", machines.runningCount, machines.all.length));
  }

  #show(icon: string, text: string, tooltip: string): void {
    this.#item.text = `${icon} ${text}`;
    this.#item.tooltip = tooltip;
    this.#item.accessibilityInformation = { label: tooltip };
    this.#item.show();
  }
}

function busyTooltip(busy: readonly MachineSummary[]): string {
  return busy.map((machine) => `${plain(machine.name)}: ${operationWords(machine) ?? ""}`).join("\n");
}
