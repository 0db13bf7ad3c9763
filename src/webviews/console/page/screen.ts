import RFB from "@novnc/novnc";
import { type Fit, highWaterBytes } from "../messages.ts";
import { Channel } from "./channel.ts";
import { host } from "./host.ts";
import { keySymbol } from "./keySymbols.ts";
import { endProvidedTexts } from "./provideText.ts";

endProvidedTexts();

export interface ScreenEvents {
  onKeyboard(captured: boolean): void;
  /** The first whole picture can be on its way: sizes are known. */
  onConnected(): void;
}

/** Less than what stops the relay: a single message that is larger must still come to its end. */
const mostLyingBytes = highWaterBytes / 2;

/** The guest's screen: one noVNC for each connection. */
export class Screen {
  readonly #target: HTMLElement;
  readonly #events: ScreenEvents;
  #rfb: RFB | undefined;
  #channel: Channel | undefined;
  #connection = 0;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;
  #fit: Fit;
  #label = "";

  constructor(target: HTMLElement, fit: Fit, events: ScreenEvents) {
    this.#target = target;
    this.#fit = fit;
    this.#events = events;
  }

  open(connection: number): void {
    this.close();
    this.#connection = connection;
    this.#receivedBytes = 0;
    this.#acknowledgedBytes = 0;
    const channel = new Channel((bytes) => {
      // noVNC asks for the next picture when it has taken in one: some bytes are done with.
      this.#acknowledge();
      host.postMessage({ type: "send", connection, bytes });
    });
    const rfb = new RFB(this.#target, channel, { shared: true });
    this.#channel = channel;
    this.#rfb = rfb;
    rfb.background = "transparent";
    // The socket is local: packing costs more than it saves.
    rfb.compressionLevel = 0;
    rfb.addEventListener("connect", () => this.#events.onConnected());
    rfb.addEventListener("clipboard", (event) => {
      const text: unknown = (event as CustomEvent<{ text?: unknown }>).detail.text;
      if (typeof text === "string") host.postMessage({ type: "guestClipboard", text });
    });
    rfb.addEventListener("disconnect", () => this.#ended(connection, "the protocol ended"));
    this.#applyFit();
    this.#prepareCanvas();
  }

  receive(connection: number, bytes: ArrayBuffer): void {
    if (connection !== this.#connection) return;
    this.#receivedBytes += bytes.byteLength;
    this.#channel?.receive(bytes);
    this.#acknowledge();
  }

  /** Tells how much noVNC has taken in. It leaves bytes lying while the browser unpacks the JPEGs of the picture before. */
  #acknowledge(): void {
    const lyingBytes = Math.min(this.#rfb?._sock.rQlen() ?? 0, mostLyingBytes);
    const bytes = this.#receivedBytes - lyingBytes - this.#acknowledgedBytes;
    if (bytes <= 0) return;
    this.#acknowledgedBytes += bytes;
    host.postMessage({ type: "ack", connection: this.#connection, bytes });
  }

  close(): void {
    const rfb = this.#rfb;
    this.#rfb = undefined;
    this.#connection = 0;
    this.#channel?.closed();
    this.#channel = undefined;
    rfb?.disconnect();
    this.#target.replaceChildren();
    this.#events.onKeyboard(false);
  }

  get fit(): Fit {
    return this.#fit;
  }

  set fit(fit: Fit) {
    this.#fit = fit;
    this.#applyFit();
  }

  /** How a screen reader calls it. */
  set label(label: string) {
    this.#label = label;
    this.#canvas?.setAttribute("aria-label", label);
  }

  /** Presses keys together, by their places on the keyboard (`KeyboardEvent.code`). */
  press(codes: readonly string[]): void {
    for (const code of codes) this.#rfb?.sendKey(keySymbol(code), code, true);
    for (const code of [...codes].reverse()) this.#rfb?.sendKey(keySymbol(code), code, false);
  }

  offer(text: string): void {
    this.#rfb?.clipboardPasteFrom(text);
  }

  capture(): void {
    this.#rfb?.focus();
  }

  release(): void {
    this.#rfb?.blur();
  }

  get #canvas(): HTMLCanvasElement | null {
    return this.#target.querySelector("canvas");
  }

  #applyFit(): void {
    if (!this.#rfb) return;
    // A guest that cannot be resized is scaled.
    this.#rfb.scaleViewport = this.#fit !== "actual";
    this.#rfb.resizeSession = this.#fit === "resize";
  }

  #prepareCanvas(): void {
    const canvas = this.#canvas;
    if (!canvas) return;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", this.#label);
    canvas.addEventListener("focus", () => this.#events.onKeyboard(true));
    canvas.addEventListener("blur", () => {
      this.#events.onKeyboard(false);
      // noVNC lets go of held keys when the window loses the keyboard; here only the canvas did, and the guest would
      // keep Ctrl and Alt pressed.
      window.dispatchEvent(new Event("blur"));
    });
  }

  #ended(connection: number, reason: string): void {
    if (connection !== this.#connection) return;
    host.postMessage({ type: "close", connection, reason });
    this.close();
  }
}
