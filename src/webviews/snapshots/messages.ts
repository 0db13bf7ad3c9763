import type { GraphRow } from "./layout.ts";

/** What the Snapshots page and the extension say to each other. All texts are data: shown as text, never as HTML. */

export const presentId = "present";

export interface SnapshotRow {
  /** `presentId` for what the machine has now. */
  readonly id: string;
  readonly name: string;
  readonly graph: GraphRow;
  readonly parent: string | null;
  /** `3 min. ago`; of the present the machine's state. */
  readonly age: string;
  /** The time in full; empty for the present. */
  readonly taken: string;
  readonly kind: "present" | "memory" | "quiesced" | "crash-consistent" | "stopped";
  /** What it holds, in words. */
  readonly holds: string;
  readonly size: string;
  /** Of the largest one's bytes, 0 to 1. */
  readonly share: number;
  readonly memory?: string;
  readonly layers?: number;
  readonly note?: string;
  readonly automatic: boolean;
  /** The present grew from it. */
  readonly isBase: boolean;
  readonly hasChildren: boolean;
  readonly hasThumbnail: boolean;
  readonly problem?: string;
}

export interface RemovedRow {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
}

export interface InternalRow {
  readonly disk: string;
  readonly id: string;
  readonly name: string;
  readonly detail: string;
}

export interface SnapshotsState {
  /** Grows with each state: an older one that comes late is let pass. */
  readonly version: number;
  readonly machine: { readonly id: string; readonly name: string; readonly live: boolean; readonly whole: boolean };
  /** `running · 5 snapshots · 1.2 GiB` */
  readonly summary: string;
  readonly rows: readonly SnapshotRow[];
  readonly lanes: number;
  readonly removed: readonly RemovedRow[];
  readonly removedFrees: string;
  readonly internal: readonly InternalRow[];
  /** Why memory cannot be saved now. */
  readonly blocked: readonly string[];
  readonly operation?: { readonly text: string; readonly percent?: number };
  readonly problem?: { readonly message: string; readonly hint?: string };
}

export interface Comparison {
  readonly left: string;
  readonly right: string;
  readonly differences: readonly { readonly path: string; readonly left: string; readonly right: string }[];
  readonly space: readonly {
    readonly what: "left" | "shared" | "right";
    readonly label: string;
    readonly size: string;
    readonly share: number;
  }[];
}

export type ToPage =
  | { readonly type: "state"; readonly state: SnapshotsState; readonly bundle?: Readonly<Record<string, string>> | undefined }
  /** `png` is base64; null: there is none. */
  | { readonly type: "thumbnail"; readonly id: string; readonly png: string | null }
  | {
      readonly type: "comparison";
      readonly left: string;
      readonly right: string;
      readonly result: Comparison | { readonly problem: string };
    }
  | { readonly type: "select"; readonly id: string; readonly compareWith?: string | undefined };

/** What buttons of a row do: each is a command of the extension. */
export const snapshotActions = [
  "restore",
  "restoreInto",
  "fork",
  "clone",
  "export",
  "rename",
  "note",
  "remove",
  "removeBranch",
  "undoRemove",
] as const;
export type SnapshotAction = (typeof snapshotActions)[number];

export type ToExtension =
  | { readonly type: "ready" }
  | { readonly type: "painted"; readonly milliseconds: number }
  /** Those that came into view. */
  | { readonly type: "thumbnails"; readonly ids: readonly string[] }
  | { readonly type: "compare"; readonly left: string; readonly right: string }
  | { readonly type: "snapshot"; readonly action: SnapshotAction; readonly id: string }
  | { readonly type: "take"; readonly disksOnly: boolean }
  | { readonly type: "empty" }
  | { readonly type: "adopt"; readonly disk: string; readonly id: string }
  | { readonly type: "console" };

/** What the window keeps of a page, for a reload. */
export interface PageState {
  readonly machine: string;
  readonly name: string;
  readonly selected?: string | undefined;
  readonly scroll?: number | undefined;
}
