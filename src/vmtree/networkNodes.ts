import type { CaptureView, NetworkPort, SegmentView } from "../api/index.ts";
import type { NetworkLinkRef, NetworkRef } from "../editor/index.ts";

/** Rows of the Networks view: networks; below each its machines, its rules and its capture. */
export interface NetworkNode extends NetworkRef {
  readonly kind: "network";
  readonly view: SegmentView;
}
export interface LinkNode extends NetworkLinkRef {
  readonly kind: "link";
  /** None for a machine that does not run; several when it has as many adapters there. */
  readonly ports: readonly NetworkPort[];
}
export interface RuleNode extends NetworkRef {
  readonly kind: "rule";
  /** Its place among the network's rules, from 0. */
  readonly rule: number;
  /** `deny web db tcp:5432` */
  readonly text: string;
}
export interface CaptureNode extends NetworkRef {
  readonly kind: "capture";
  readonly capture: CaptureView;
}
export type NetworkTreeNode = NetworkNode | LinkNode | RuleNode | CaptureNode;
