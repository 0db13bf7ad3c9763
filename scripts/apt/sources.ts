import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseStanzas } from "./control.ts";

/** One `deb` line of apt's sources, or one combination of a deb822 stanza. */
export type AptSource = {
  uri: string;
  suite: string;
  components: string[];
  /** Path of a keyring, an embedded armoured key, or undefined for the system's trusted keys. */
  signedBy: { path: string } | { key: string } | undefined;
};

/** The archives that packages come from, with the keys which sign them. */
export type DebianArchives = {
  main: { uri: string; signedBy: AptSource["signedBy"] };
  security: { uri: string; signedBy: AptSource["signedBy"] };
};

const debianSuites = ["stable", "oldstable", "testing", "unstable", "sid", "bullseye", "bookworm", "trixie", "forky"];

/** Parses one file of /etc/apt/sources.list.d by its extension. Lines and stanzas which are not understood are left out. */
export function parseSources(fileName: string, text: string): AptSource[] {
  return fileName.endsWith(".sources") ? parseDeb822(text) : parseOneLine(text);
}

function parseDeb822(text: string): AptSource[] {
  return parseStanzas(text).flatMap((stanza) => {
    const words = (field: string): string[] => (stanza.get(field) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("types").includes("deb") || /^(no|false|0)$/i.test(stanza.get("enabled") ?? "yes")) return [];
    const signedBy = parseSignedBy(stanza.get("signed-by"));
    return words("uris").flatMap((uri) => words("suites").map((suite) => ({ uri, suite, components: words("components"), signedBy })));
  });
}

function parseSignedBy(value: string | undefined): AptSource["signedBy"] {
  if (value === undefined || value.trim() === "") return undefined;
  if (value.includes("-----BEGIN")) return { key: `${value.trim()}\n` };
  return { path: value.trim() };
}

function parseOneLine(text: string): AptSource[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const found = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (found === null) return [];
    const [, options = "", uri = "", suite = "", rest = ""] = found;
    const keyring = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1];
    const components = rest.split(/\s+/).filter((word) => word !== "");
    return [{ uri, suite, components, signedBy: parseSignedBy(keyring) }];
  });
}

/**
 * Finds the Debian archive and its security archive among the host's sources.
 * A host which follows no security suite (testing, sid) gets the one beside its archive.
 *
 * @returns undefined when the host's sources name no Debian archive (Ubuntu, other derivatives)
 */
export function chooseArchives(sources: AptSource[]): DebianArchives | undefined {
  const usable = sources.filter(
    (source) => !source.uri.startsWith("cdrom:") && (source.components.length === 0 || source.components.includes("main")),
  );
  const baseSuite = (suite: string): string => suite.replace(/-security$|\/updates$/, "");
  const main = usable.find((source) => debianSuites.includes(source.suite) && !isUbuntu(source));
  if (main === undefined) return undefined;
  const security = usable.find((source) => source.suite !== baseSuite(source.suite) && debianSuites.includes(baseSuite(source.suite)));
  return {
    main: { uri: main.uri, signedBy: main.signedBy },
    security: security
      ? { uri: security.uri, signedBy: security.signedBy }
      : { uri: main.uri.replace(/\/debian\/?$/, "/debian-security"), signedBy: main.signedBy },
  };
}

function isUbuntu(source: AptSource): boolean {
  return /ubuntu|raspbian/i.test(source.uri);
}

/**
 * The host's own Debian archives; nothing is changed there. @throws Error when its sources name none.
 */
export async function hostArchives(etcApt = "/etc/apt"): Promise<DebianArchives> {
  const folder = join(etcApt, "sources.list.d");
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(list|sources)$/.test(name)).sort();
  const sources: AptSource[] = [];
  for (const path of [join(etcApt, "sources.list"), ...names.map((name) => join(folder, name))]) {
    sources.push(...parseSources(path, await readFile(path, "utf8").catch(() => "")));
  }
  const chosen = chooseArchives(sources);
  if (chosen !== undefined) return chosen;
  throw new Error(
    "This host's apt sources name no Debian archive. Run this on Debian or in a Debian container, or add an entry " +
      "(Types: deb, Suites: trixie, Signed-By: its keyring) below /etc/apt/sources.list.d.",
  );
}

/** Writes `sources.list` and, where a source carries its key in itself, the key into a private apt's folder. @returns the list. */
export async function writeSourcesList(folder: string, archives: DebianArchives, suites: readonly string[]): Promise<string> {
  const embedded = join(folder, "archive-key.asc");
  const key = archives.main.signedBy;
  if (key !== undefined && "key" in key) await writeFile(embedded, key.key);
  const list = sourcesList(archives, suites, (signedBy) =>
    signedBy === undefined ? undefined : "path" in signedBy ? signedBy.path : embedded,
  );
  await writeFile(join(folder, "sources.list"), list);
  return list;
}

/**
 * A private sources.list, in the one-line format that every apt understands.
 *
 * @param suites those that end in `-security` come from the security archive
 * @param keyringFor turns a source's key into the path of a keyring file
 */
export function sourcesList(
  archives: DebianArchives,
  suites: readonly string[],
  keyringFor: (signedBy: AptSource["signedBy"]) => string | undefined,
): string {
  const lines = suites.map((suite) => {
    const archive = suite.endsWith("-security") ? archives.security : archives.main;
    const keyring = keyringFor(archive.signedBy);
    return `deb ${keyring === undefined ? "" : `[signed-by=${keyring}] `}${archive.uri} ${suite} main\n`;
  });
  return lines.join("");
}
