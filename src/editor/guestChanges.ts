import * as vscode from "vscode";

export interface GuestFileChange {
  /** The machine's id. */
  readonly machine: string;
  readonly path: string;
  readonly kind: "created" | "changed" | "removed";
}

/** What this window did to files of guests, for whoever shows them: no view has to ask whether something changed. */
export class GuestChanges implements vscode.Disposable {
  readonly #happened = new vscode.EventEmitter<readonly GuestFileChange[]>();
  readonly onDidHappen = this.#happened.event;

  tell(...changes: readonly GuestFileChange[]): void {
    this.#happened.fire(changes);
  }

  dispose(): void {
    this.#happened.dispose();
  }
}
