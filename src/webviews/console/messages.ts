/** What the console's page and the extension say to each other. Texts are data: shown as text, never as HTML. */

export const consoleActions = ["start", "resume", "kill", "showLogs", "openSettings", "openSerial"] as const;
export type ConsoleAction = (typeof consoleActions)[number];

export interface OverlayButton {
  readonly action: ConsoleAction;
  readonly label: string;
  readonly primary: boolean;
}

/** What lies over the screen. */
export interface Overlay {
  readonly title: string;
  readonly detail?: string;
  readonly tone: "info" | "warning" | "error";
  /** The last picture stays visible below it. */
  readonly dimmed: boolean;
  readonly busy: boolean;
  readonly buttons: readonly OverlayButton[];
}

/** Bytes on their way to the page that it has not drawn; above, the socket waits, and QEMU sends fewer pictures. */
export const highWaterBytes = 1024 * 1024;

export type ToPage =
  | { readonly type: "state"; readonly machine: string; readonly overlay: Overlay | null; readonly live: boolean }
  /** A connection to the machine's screen stands: its bytes carry this number. */
  | { readonly type: "open"; readonly connection: number }
  | { readonly type: "data"; readonly connection: number; readonly bytes: ArrayBuffer }
  | { readonly type: "closed"; readonly connection: number }
  /** What was copied on this host, for the guest. */
  | { readonly type: "clipboard"; readonly text: string }
  /** Shows the keyboard where to go. */
  | { readonly type: "focus" };

export type ToExtension =
  | { readonly type: "ready" }
  | { readonly type: "send"; readonly connection: number; readonly bytes: ArrayBuffer }
  /** So many bytes have been drawn: the socket may go on. */
  | { readonly type: "ack"; readonly connection: number; readonly bytes: number }
  | { readonly type: "close"; readonly connection: number; readonly reason: string }
  | { readonly type: "action"; readonly action: ConsoleAction }
  /** Somebody looks at the guest: what this host's clipboard holds may be wanted there. */
  | { readonly type: "clipboardWanted" }
  /** What was copied in the guest. */
  | { readonly type: "guestClipboard"; readonly text: string }
  | { readonly type: "typeClipboard" }
  | { readonly type: "screenshot" }
  | { readonly type: "otherKeys" }
  | { readonly type: "fillWindow" };

/** How the guest's screen and the tab fit: the picture is scaled, the guest is asked for the tab's size, or neither. */
export const fits = ["scale", "resize", "actual"] as const;
export type Fit = (typeof fits)[number];

/** What VS Code keeps for the page while it is hidden or the window reloads. */
export interface PageState {
  readonly machine: string;
  readonly name: string;
  readonly fit: Fit;
}
