import type * as vscode from "vscode";

const openKey = "serialTerminals";
const frontKey = "serialTerminalInFront";

/**
 * Which machines' serial consoles are open in this window, by id, once for each terminal. VS Code brings back shells after
 * a reload of the window, and no terminal of an extension: those are for the extension to open again.
 */
export class Remembered {
  readonly #state: vscode.Memento;
  #open: readonly string[] = [];

  constructor(state: vscode.Memento) {
    this.#state = state;
  }

  /** What was open when the window went away. */
  get before(): readonly string[] {
    const kept: unknown = this.#state.get(openKey);
    return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === "string") : [];
  }

  /** The one that was in front of all terminals, if it was one of ours. */
  get frontBefore(): string | undefined {
    const kept: unknown = this.#state.get(frontKey);
    return typeof kept === "string" ? kept : undefined;
  }

  async cameToFront(machine: string | undefined): Promise<void> {
    await this.#state.update(frontKey, machine);
  }

  async opened(machine: string): Promise<void> {
    this.#open = [...this.#open, machine];
    await this.#keep();
  }

  async closed(machine: string): Promise<void> {
    const at = this.#open.indexOf(machine);
    if (at < 0) return;
    this.#open = this.#open.toSpliced(at, 1);
    await this.#keep();
  }

  async #keep(): Promise<void> {
    await this.#state.update(openKey, this.#open);
  }
}
