import { parseStanzas } from "./control.ts";

/** One `deb` line of apt's sources, or one combination of a deb822 stanza. */
export type AptSource = {
  uri: string;
  suite: string;
  components: string[];
  /** Path of a keyring, an embedded armoured key, or undefined for the system's trusted keys. */
  signedBy: { path: string } | { key: string } | undefined;
};

/** The archives a bundle's packages come from, with the keys which sign them. */
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
 * The private sources.list, in the one-line format that every apt understands.
 *
 * @param keyringFor turns a source's key into the path of a keyring file
 */
export function sourcesList(
  archives: DebianArchives,
  suite: string,
  keyringFor: (signedBy: AptSource["signedBy"]) => string | undefined,
): string {
  const line = (archive: DebianArchives["main"], name: string): string => {
    const keyring = keyringFor(archive.signedBy);
    const options = keyring === undefined ? "" : `[signed-by=${keyring}] `;
    return `deb ${options}${archive.uri} ${name} main\n`;
  };
  return line(archives.main, suite) + line(archives.security, `${suite}-security`);
}
