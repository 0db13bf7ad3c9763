import * as vscode from "vscode";

/** `vm://NAME/path`: files of a machine's guest. Paths as model/guestPath.ts writes them. */
export const guestScheme = "vm";

export function guestUri(machine: string, path: string): vscode.Uri {
  return vscode.Uri.from({ scheme: guestScheme, authority: machine, path });
}

/** A file or folder of a guest, as rows of the tree and commands name it. `machine` is a name or id. */
export interface GuestFileRef {
  readonly machine: string;
  readonly path: string;
  readonly isFolder: boolean;
}

export function isGuestFileRef(value: unknown): value is GuestFileRef {
  const one = value as Partial<GuestFileRef> | undefined;
  return typeof one === "object" && one !== null && typeof one.machine === "string" && typeof one.path === "string";
}
