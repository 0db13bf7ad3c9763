/** What the page of an image file and the extension say to each other. All texts are data: shown as text, never as HTML. */

export interface Segment {
  /** Absent: no partition, unused space. */
  readonly number?: number;
  /** 0 to 1 of the whole. */
  readonly share: number;
  readonly label: string;
}

export interface PartitionRow {
  readonly number: number;
  readonly type: string;
  readonly label: string;
  readonly start: string;
  readonly size: string;
  readonly bootable: boolean;
}

export interface ImageState {
  readonly file: string;
  readonly folder: string;
  /** `qcow2`, or that it is none we know. */
  readonly format: string;
  readonly known: boolean;
  readonly summary: string;
  /** Of the guest's bytes those that take space here; null where the guest's size is not known. */
  readonly filled: { readonly share: number; readonly allocated: string; readonly virtual: string } | null;
  readonly refused?: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly chain: readonly { readonly file: string; readonly format: string }[];
  readonly snapshots: readonly { readonly name: string; readonly taken: string; readonly memory: string }[];
  readonly partitions: readonly PartitionRow[];
  readonly segments: readonly Segment[];
  /** What can be done with it. */
  readonly actions: readonly ImageAction[];
}

export const imageActions = ["import", "convert", "check"] as const;
export type ImageAction = (typeof imageActions)[number];

export type ToPage = {
  readonly type: "state";
  readonly state: ImageState | { readonly problem: string; readonly hint?: string };
  readonly bundle?: Readonly<Record<string, string>> | undefined;
};

export type ToExtension = { readonly type: "ready" } | { readonly type: "action"; readonly action: ImageAction };
