import type { FileEntry } from "../api/index.ts";
import type { GuestFileRef, MachineRef } from "../editor/index.ts";

/** Rows of a running guest's files: the home of its user and the root, then what is in them. */
export interface FilesNode extends MachineRef {
  readonly kind: "files";
}
export interface FileNode extends MachineRef, GuestFileRef {
  readonly kind: "file";
  readonly machine: string;
  readonly type: FileEntry["type"];
  readonly link: boolean;
  /** A row that browsing starts from. */
  readonly root?: "home" | "root";
}
/** There is more than is shown. */
export interface MoreFilesNode extends MachineRef {
  readonly kind: "moreFiles";
  readonly folder: string;
  readonly shown: number;
}
export type FileTreeNode = FilesNode | FileNode | MoreFilesNode;
