import type { Definition } from "../model/index.ts";

/**
 * `bootindex` of a device, by the place of its kind in `bootOrder`; undefined: never booted from (`-boot strict=on`).
 * A hundred numbers a kind, so that adding a disk does not change the others.
 */
export function bootIndex(definition: Pick<Definition, "bootOrder">, kind: "disk" | "cdrom" | "network", index = 0): number | undefined {
  const place = definition.bootOrder.indexOf(kind);
  return place < 0 ? undefined : place * 100 + index + 1;
}
