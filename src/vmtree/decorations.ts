import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { type Editor, isUnresponsive, stateWord } from "../editor/index.ts";

/** Machines have an address of their own for decorations; nothing is read from it. */
export const machineScheme = "vivarium-machine";

export function machineUri(machine: Pick<MachineSummary, "id">): vscode.Uri {
  return vscode.Uri.from({ scheme: machineScheme, path: `/${machine.id}` });
}

/** A badge for machines that want attention: the sign stays visible where icons are small or colours alike. */
export class MachineDecorations implements vscode.FileDecorationProvider, vscode.Disposable {
  readonly #editor: Editor;
  readonly #changed = new vscode.EventEmitter<vscode.Uri | vscode.Uri[] | undefined>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChangeFileDecorations = this.#changed.event;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#subscription = editor.machines.onDidChange(({ id, before, after }) => {
      if (id === undefined) this.#changed.fire(editor.machines.all.filter(wantsAttention).map(machineUri));
      else if (sign(before) !== sign(after)) this.#changed.fire(machineUri({ id }));
    });
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    if (uri.scheme !== machineScheme) return undefined;
    const machine = this.#editor.machines.find(uri.path.slice(1));
    const badge = sign(machine);
    if (!machine || badge === undefined) return undefined;
    const color = badge === "!" ? "list.errorForeground" : "list.warningForeground";
    return { badge, tooltip: stateWord(machine), color: new vscode.ThemeColor(color), propagate: false };
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}

function wantsAttention(machine: MachineSummary): boolean {
  return sign(machine) !== undefined;
}

function sign(machine: MachineSummary | undefined): "!" | "?" | undefined {
  if (!machine) return undefined;
  if (machine.state === "failed" || machine.state === "damaged") return "!";
  if (isUnresponsive(machine)) return "?";
  return machine.status.state === "paused" && machine.status.because !== "user" ? "!" : undefined;
}
