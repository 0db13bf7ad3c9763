import type { Badge } from "./badges.ts";
import type { FieldInput } from "./check.ts";

/** What the form and the extension say to each other. All texts are data: the page shows them as text, never as HTML. */

/** What is known of one field beyond its value; a field that is not named has none of it. */
export interface FieldNote {
  readonly problem?: string;
  readonly warning?: string;
  readonly badge?: Badge;
  /** Choices this host does not have, with the reason. */
  readonly missingChoices?: Readonly<Record<string, string>>;
}

export interface PendingChange {
  readonly path: string;
  /** The running guest's value, in words. */
  readonly before: string;
  readonly after: string;
}

export interface DiskFact {
  readonly id: string;
  /** Its size, or what is wrong with it. */
  readonly facts: string;
}

export interface FormState {
  /** Grows with each state. */
  readonly version: number;
  readonly values: Readonly<Record<string, unknown>>;
  readonly notes: Readonly<Record<string, FieldNote>>;
  /** Problems of keys that have no field. */
  readonly otherProblems: readonly string[];
  /** The text is not JSON: the values are the last good ones and cannot be changed. */
  readonly broken?: { readonly sentence: string; readonly hasValues: boolean };
  readonly machine?: {
    readonly state: string;
    readonly live: boolean;
    readonly emulated: boolean;
  };
  readonly pending: readonly PendingChange[];
  readonly disks: readonly DiskFact[];
}

export type ToPage =
  | {
      readonly type: "state";
      readonly state: FormState;
      readonly bundle?: Readonly<Record<string, string>> | undefined /** The edit that led to it. */;
      readonly answers?: number | undefined;
    }
  | { readonly type: "refused"; readonly answers: number; readonly problems: Readonly<Record<string, string>> }
  /** What was typed would be accepted. */
  | { readonly type: "accepted"; readonly answers: number }
  | { readonly type: "chosen"; readonly path: string; readonly file: string }
  | { readonly type: "focus"; readonly path: string };

/** Commands `vivarium.disk.…`: vivd makes disks, with the image file; an entry of vm.json alone is none. */
export type DiskAction = "add" | "resize" | "remove";

export const formCommands = ["rename", "openAsJson", "restart"] as const;
export type FormCommand = (typeof formCommands)[number];

export type ToExtension =
  | { readonly type: "ready" }
  /** Everything is on screen: for the log. */
  | { readonly type: "painted"; readonly milliseconds: number }
  /** `commit`: write it into the document; otherwise it is only checked. `save` follows a keyboard save. */
  | {
      readonly type: "edit";
      readonly serial: number;
      readonly inputs: readonly FieldInput[];
      readonly commit: boolean;
      readonly save?: boolean;
    }
  /** `list`: `networks`, `networks.0.forwards`, `networks.0.netboot` or `cdrom`. */
  | { readonly type: "add"; readonly list: string }
  | { readonly type: "remove"; readonly path: string }
  | { readonly type: "browse"; readonly path: string }
  /** `disk`: an id of the document; empty to add one. */
  | { readonly type: "disk"; readonly action: DiskAction; readonly disk: string }
  | { readonly type: "command"; readonly command: FormCommand };
