export type { FileNode, FilesNode } from "./fileNodes.ts";
export { createImagesView, imagesViewId } from "./images.ts";
export type { CaptureNode, LinkNode, NetworkNode, RuleNode } from "./networkNodes.ts";
export { createNetworksView, networksViewId } from "./networks.ts";
export type { MachineNode, Node, PortNode } from "./nodes.ts";
export type { DiskNode, InternalNode, ShareNode, SnapshotNode } from "./storageNodes.ts";
export type { TemplateNode, TemplatesNode } from "./templateNodes.ts";
export { createMachinesView, type MachinesView, machinesViewId } from "./view.ts";
