import type { MachineDetails } from "../api/index.ts";
import type { MachineRef } from "../editor/index.ts";
import type { FileTreeNode } from "./fileNodes.ts";
import type { StorageNode } from "./storageNodes.ts";
import type { TemplateNode, TemplatesNode } from "./templateNodes.ts";

/** Rows of the tree. A machine's node is one object for its life: the view repaints by identity. */
export interface GroupNode {
  readonly kind: "group";
  readonly name: string;
}
export interface MachineNode extends MachineRef {
  readonly kind: "machine";
}
export interface PortsNode extends MachineRef {
  readonly kind: "ports";
}
/** A port of the guest that is forwarded, or listened on. */
export interface PortNode extends MachineRef {
  readonly kind: "port";
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly forward?: MachineDetails["forwards"][number];
  /** Who listens; null: nobody; absent: the guest does not tell. */
  readonly listener?: { readonly process?: string; readonly insideOnly: boolean } | null | undefined;
}
/** Something to know: changes that wait for the next start, why the details cannot be had. */
export interface FactNode extends MachineRef {
  readonly kind: "fact";
  readonly icon: string;
  readonly label: string;
  readonly description: string;
}
export type Node = GroupNode | MachineNode | PortsNode | PortNode | StorageNode | FileTreeNode | FactNode | TemplatesNode | TemplateNode;
