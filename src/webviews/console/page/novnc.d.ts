/** The part of noVNC 1.7 that the console uses (its docs/API.md); the package has no types. */
declare module "@novnc/novnc" {
  class RFB extends EventTarget {
    /** What is sent, by kind of message. Not in docs/API.md. */
    static readonly messages: {
      clientCutText(socket: unknown, data: Uint8Array, extended: boolean): void;
      extendedClipboardProvide(socket: unknown, formats: readonly number[], texts: readonly string[]): void;
    };
    constructor(target: HTMLElement, channel: unknown, options?: { shared?: boolean });
    scaleViewport: boolean;
    resizeSession: boolean;
    background: string;
    compressionLevel: number;
    focusOnClick: boolean;
    /** Its side of the channel: `rQlen` is what was received and not yet taken in, in bytes. Not in docs/API.md. */
    readonly _sock: { rQlen(): number };
    /** Offers text to the guest; it comes for it when somebody pastes. Text of the guest's comes as `clipboard` events. */
    clipboardPasteFrom(text: string): void;
    disconnect(): void;
    /** `keysym` 0: by the scan code alone, which QEMU takes. */
    sendKey(keysym: number, code: string, down?: boolean): void;
    focus(options?: FocusOptions): void;
    blur(): void;
  }

  // biome-ignore lint/style/noDefaultExport: it is how the package exports it
  export { RFB as default };
}
