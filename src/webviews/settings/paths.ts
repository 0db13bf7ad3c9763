import type { Field } from "./fields.ts";

/** Places in a document, as `networks.0.mac`. */

export function segments(path: string): (string | number)[] {
  return path.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

export function valueAt(value: unknown, path: string): unknown {
  return segments(path).reduce<unknown>(
    (found, part) =>
      typeof found === "object" && found !== null && Object.hasOwn(found, part)
        ? (found as Record<string | number, unknown>)[part]
        : undefined,
    value,
  );
}

/** `networks.0.mac` → `networks.0`; of a key at the top: empty. */
export function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf(".")));
}

export function isAtOrBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}.`);
}

/** The place with its `when` satisfied; where the document has no such key yet, its default decides. */
export function isShown(field: Field, path: string, read: (path: string) => unknown): boolean {
  if (!field.when) return true;
  const beside = parent(path).split(".");
  // `netboot` is an object beside `mode`: what decides is the closest key of that name above.
  for (let depth = beside.length; depth > 0; depth -= 1) {
    const found = read([...beside.slice(0, depth), field.when.key].join("."));
    if (found !== undefined) return found === field.when.is;
  }
  return false;
}
