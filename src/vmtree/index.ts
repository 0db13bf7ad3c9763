export type { MachineNode, Node, PortNode } from "./nodes.ts";
export { createMachinesView, type MachinesView, machinesViewId } from "./view.ts";
