import { parseStanzas, type Stanza } from "../apt/index.ts";
import { BundleError } from "./errors.ts";

/** What the archive says about one binary package. */
export type PackageRecord = {
  name: string;
  version: string;
  architecture: string;
  /** SHA-256 of the .deb, vouched for by the archive's signature. */
  sha256: string;
  /** Size of the .deb. */
  bytes: number;
  sourceName: string;
  sourceVersion: string;
  /** Depends and Pre-Depends: each an ordered list of alternatives. */
  depends: string[][];
};

/** Parses the output of `apt-cache show`. Of several versions of one package the first, the candidate, counts. */
export function parseRecords(text: string): PackageRecord[] {
  const records = new Map<string, PackageRecord>();
  for (const stanza of parseStanzas(text)) {
    const record = toRecord(stanza);
    if (record !== undefined && !records.has(record.name)) records.set(record.name, record);
  }
  return [...records.values()];
}

function toRecord(stanza: Stanza): PackageRecord | undefined {
  const name = stanza.get("package");
  const version = stanza.get("version");
  const sha256 = stanza.get("sha256");
  if (name === undefined || version === undefined || sha256 === undefined) return undefined;
  // `Source: qemu` or, when versions differ, `Source: gcc-14 (14.2.0-19)`.
  const source = /^(\S+)(?:\s+\(([^)]+)\))?/.exec(stanza.get("source") ?? name);
  return {
    name,
    version,
    architecture: stanza.get("architecture") ?? "",
    sha256,
    bytes: Number(stanza.get("size") ?? 0),
    sourceName: source?.[1] ?? name,
    sourceVersion: source?.[2] ?? version,
    depends: [...parseDepends(stanza.get("pre-depends")), ...parseDepends(stanza.get("depends"))],
  };
}

/** `a (>= 1), b | c:any` → [["a"], ["b", "c"]]. */
export function parseDepends(field: string | undefined): string[][] {
  return (field ?? "")
    .split(",")
    .map((group) => group.split("|").map((one) => one.trim().replace(/[\s(:[].*$/s, "")))
    .map((group) => group.filter((name) => name !== ""))
    .filter((group) => group.length > 0);
}

/**
 * The packages reachable from `roots` by their dependencies, without `excluded` and what only they need.
 * Names the archive does not know (virtual packages) are passed over in favour of the next alternative:
 * a library which is then missing is found by the closure over the programs themselves.
 *
 * @param lookUp records of the names it knows; called once per level
 * @returns records sorted by name
 */
export async function packageClosure(
  roots: readonly string[],
  excluded: ReadonlySet<string>,
  lookUp: (names: string[]) => Promise<PackageRecord[]>,
): Promise<PackageRecord[]> {
  const known = new Map<string, PackageRecord>();
  const asked = new Set<string>();
  const ask = async (names: string[]): Promise<void> => {
    const fresh = [...new Set(names)].filter((name) => !asked.has(name) && !excluded.has(name));
    for (const name of fresh) asked.add(name);
    if (fresh.length === 0) return;
    for (const record of await lookUp(fresh)) known.set(record.name, record);
  };
  await ask([...roots]);
  const missing = roots.filter((name) => !known.has(name));
  if (missing.length > 0) {
    throw new BundleError(
      "no-package",
      `The archive has no package ${missing.join(", ")}`,
      "Check the suites of the private sources.list, and that the mirror is complete.",
    );
  }
  const chosen = new Map<string, PackageRecord>();
  let level = [...roots];
  while (level.length > 0) {
    const wanted = level.flatMap((name) => known.get(name)?.depends ?? []);
    for (const name of level) {
      const record = known.get(name);
      if (record !== undefined) chosen.set(name, record);
    }
    await ask(wanted.flat());
    const next = wanted.flatMap((group) => firstKnown(group, known, excluded));
    level = [...new Set(next)].filter((name) => !chosen.has(name));
  }
  return [...chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function firstKnown(group: string[], known: Map<string, PackageRecord>, excluded: ReadonlySet<string>): string[] {
  const found = group.find((name) => known.has(name) && !excluded.has(name));
  return found === undefined ? [] : [found];
}
