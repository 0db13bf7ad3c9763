import { requireMachineName, vivError } from "../../model/index.ts";

export interface ForkNames {
  readonly all: readonly string[];
  /** Others may take what was not used. */
  release(): void;
}

/** Names that requests in progress have chosen. */
const taken = new Set<string>();

/** Room for `-199` and more behind it. */
const longestBase = 35;

/**
 * A name for each fork: `web-1`, `web-2`, … as they are free, or those asked for. They stay taken until `release`.
 * @throws VivError `exists`, `invalid-name`, `usage`
 */
export function forkNames(
  base: string,
  { count, names }: { readonly count: number; readonly names?: readonly string[] | undefined },
  library: { has(name: string): boolean },
): ForkNames {
  const chosen = names ? requireThese(names, count, library) : numbered(base.slice(0, longestBase), count, library);
  for (const name of chosen) taken.add(name);
  return {
    all: chosen,
    release: () => {
      for (const name of chosen) taken.delete(name);
    },
  };
}

function requireThese(names: readonly string[], count: number, library: { has(name: string): boolean }): string[] {
  if (names.length !== count || new Set(names).size !== count)
    throw vivError("usage", `${count} forks need ${count} different names; there are ${new Set(names).size}.`);
  return names.map((name) => {
    requireMachineName(name);
    if (library.has(name) || taken.has(name)) throw vivError("exists", `There is a machine ${name} already.`, "Choose another name.");
    return name;
  });
}

function numbered(base: string, count: number, library: { has(name: string): boolean }): string[] {
  const found: string[] = [];
  for (let number = 1; found.length < count; number += 1) {
    const name = `${base}-${number}`;
    if (!library.has(name) && !taken.has(name)) found.push(name);
  }
  return found;
}
