import { freeTag } from "../../model/index.ts";
import type { ValueEdit } from "./edits.ts";
import { lists } from "./fields.ts";
import { valueAt } from "./paths.ts";

/** What "Add" puts into a list, and what may be taken out of one. */

/** Guests' services in the order they are offered as a new forward. */
const usualPorts = [80, 443, 8080, 3000, 5432, 3306, 5900, 3389];

export interface Addition {
  readonly edit: ValueEdit;
  /** The field the keyboard goes to. */
  readonly focus: string;
}

/** @returns undefined for a list that takes no more, or is none. */
export function addition(values: unknown, list: string, newMac: () => string): Addition | undefined {
  if (list === "cdrom") return { edit: { path: "cdrom", value: {} }, focus: "cdrom.file" };
  const items = valueAt(values, list);
  const index = Array.isArray(items) ? items.length : 0;
  const path = `${list}.${index}`;
  if (list === "networks" && index < lists.networks.maximum) {
    return { edit: { path, value: { mode: "nat", model: "virtio", mac: newMac(), linkUp: true, forwards: [] } }, focus: `${path}.mode` };
  }
  if (/^networks\.\d+\.forwards$/.test(list) && index < lists["networks.*.forwards"].maximum) {
    const taken = new Set((Array.isArray(items) ? items : []).map((item: unknown) => valueAt(item, "guestPort")));
    const guestPort = usualPorts.find((port) => !taken.has(port)) ?? 8000 + index;
    return { edit: { path, value: { protocol: "tcp", hostAddress: "127.0.0.1", guestPort } }, focus: `${path}.guestPort` };
  }
  return undefined;
}

/** `list`: `networks.0.netboot`. */
export function netbootAddition(list: string, directory: string, file: string): Addition | undefined {
  return /^networks\.\d+\.netboot$/.test(list)
    ? { edit: { path: list, value: { directory, file } }, focus: `${list}.directory` }
    : undefined;
}

/** @returns undefined for a list that takes no more */
export function shareAddition(values: unknown, folder: string): Addition | undefined {
  const items = valueAt(values, "shares");
  const shares = Array.isArray(items) ? items : [];
  if (shares.length >= lists.shares.maximum) return undefined;
  const taken = shares.map((share: unknown) => ({ tag: String(valueAt(share, "tag")) }));
  const value = { tag: freeTag(folder, taken), path: folder };
  const path = `shares.${shares.length}`;
  return { edit: shares.length === 0 ? { path: "shares", value: [value] } : { path, value }, focus: `${path}.mountPoint` };
}

export function isRemovable(path: string): boolean {
  return /^(cdrom|shares\.\d+|networks\.\d+(\.netboot|\.forwards\.\d+)?)$/.test(path);
}
