/** What two definitions have otherwise: for changes that wait for a restart. Pure, and without schemas: pages use it too. */

export interface Difference {
  /** As `viv set` takes it: `memory`, `networks[0].forwards[1].hostPort`. */
  readonly path: string;
  /** Absent: it was not there, or it goes. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What tells the items of a list apart: disks by their id, adapters by their address. */
const identities = ["id", "mac"] as const;

/** Every value that differs, as deep as both sides are alike in shape. */
export function differences(before: unknown, after: unknown, path = ""): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return listDifferences(before, after, path);
  if (!isObject(before) || !isObject(after)) return [difference(path, before, after)];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => differences(before[key], after[key], path === "" ? key : `${path}.${key}`));
}

/** Items by their identity, then by their place; lists without identities only where they are equally long. */
function listDifferences(before: readonly unknown[], after: readonly unknown[], path: string): Difference[] {
  const items = [...before, ...after];
  const identity = identities.find((key) => items.every((item) => isObject(item) && typeof item[key] === "string"));
  if (before.length === after.length && items.some(isObject)) {
    const moved =
      identity !== undefined && !after.every((item, index) => same(item, before[index], identity)) && shares(before, after, identity);
    if (!moved) return after.flatMap((item, index) => differences(before[index], item, `${path}[${index}]`));
  }
  if (identity === undefined) return [difference(path, before, after)];
  const gone = before.flatMap((item, index) =>
    after.some((other) => same(item, other, identity)) ? [] : [difference(`${path}[${index}]`, item, undefined)],
  );
  const kept = after.flatMap((item, index) =>
    differences(
      before.find((other) => same(item, other, identity)),
      item,
      `${path}[${index}]`,
    ),
  );
  const all = [...gone, ...kept];
  // The same items in another order: their order is what changed.
  return all.length > 0 ? all : [difference(path, before, after)];
}

function same(one: unknown, other: unknown, identity: string): boolean {
  return isObject(one) && isObject(other) && one[identity] === other[identity];
}

function shares(before: readonly unknown[], after: readonly unknown[], identity: string): boolean {
  return before.some((item) => after.some((other) => same(item, other, identity)));
}

function difference(path: string, before: unknown, after: unknown): Difference {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value of vm.json in few words, the same in every language: `1G`, `2222:22`, `nat 52:54:00:12:34:56`. */
export function valueText(value: unknown): string {
  if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) return "–";
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (!isObject(value)) return String(value);
  const { guestPort, hostPort, protocol, mode, mac, id, file } = value;
  if (guestPort !== undefined)
    return `${hostPort === undefined ? "" : `${String(hostPort)}:`}${String(guestPort)}${protocol === "udp" ? "/udp" : ""}`;
  if (mac !== undefined) return `${String(mode)} ${String(mac)}`;
  if (id !== undefined || file !== undefined) return String(id ?? file);
  return JSON.stringify(value);
}
