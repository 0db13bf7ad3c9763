import * as vscode from "vscode";

/** Longest text that goes either way: what is larger is no text that somebody copied. */
const mostCharacters = 1024 * 1024;

/**
 * This computer's clipboard and a guest's as one, for machines that were asked to (`devices.clipboard`), while their
 * console is the tab in use: a guest in the background neither reads nor writes what is copied here.
 */
export class SharedClipboard {
  readonly #send: (text: string) => void;
  readonly #inUse: () => boolean;
  /** The machine that runs was given a share. */
  #on = false;
  /** What came from the guest last: it has that already. */
  #fromGuest: string | undefined;

  constructor(send: (text: string) => void, inUse: () => boolean) {
    this.#send = send;
    this.#inUse = inUse;
  }

  connected(on: boolean): void {
    this.#on = on;
    this.#fromGuest = undefined;
  }

  /** Somebody turned to the guest. Offered anew each time: a desktop that was not up yet has heard nothing of it. */
  async offer(): Promise<void> {
    if (!this.#on || !this.#inUse()) return;
    const text = await vscode.env.clipboard.readText();
    if (text !== "" && text !== this.#fromGuest && text.length <= mostCharacters) this.#send(text);
  }

  /** Something was copied in the guest. */
  async take(text: string): Promise<void> {
    if (!this.#on || !this.#inUse() || text === this.#fromGuest || text.length > mostCharacters) return;
    this.#fromGuest = text;
    await vscode.env.clipboard.writeText(text);
  }
}
