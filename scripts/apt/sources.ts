import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Where this host gets Debian from: the mirrors and the keyring of its own apt sources. */
export interface DebianMirror {
  readonly archive: string;
  readonly security: string;
  /** Absolute path of the keyring, or undefined to trust the host's default ones. */
  readonly keyring: string | undefined;
}

interface SourceEntry {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly signedBy: string | undefined;
}

const DEBIAN_SUITE =
  /^(?:bullseye|bookworm|trixie|forky|duke|sid|stable|oldstable|testing|unstable)(?:-security|-updates|-backports|\/updates)?$/;

/** One-line style: `deb [signed-by=…] URI SUITE COMPONENT…`. */
export function parseListFile(text: string): SourceEntry[] {
  const entries: SourceEntry[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (!match) continue;
    const [, options = "", uri = "", suite = ""] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    entries.push({ uris: [uri], suites: [suite], signedBy });
  }
  return entries;
}

/** deb822 style: stanzas of `Field: value` separated by empty lines. */
export function parseSourcesFile(text: string): SourceEntry[] {
  const entries: SourceEntry[] = [];
  for (const stanza of text.replace(/^#.*\n?/gm, "").split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)/gm)) {
      fields.set((match[1] ?? "").toLowerCase(), (match[2] ?? "").trim());
    }
    const words = (name: string) => (fields.get(name) ?? "").split(/\s+/).filter(Boolean);
    if (!words("types").includes("deb") || fields.get("enabled") === "no") continue;
    const signedBy = fields.get("signed-by");
    entries.push({
      uris: words("uris"),
      suites: words("suites"),
      signedBy: signedBy?.startsWith("/") ? signedBy : undefined,
    });
  }
  return entries;
}

/** Picks the archive and the security mirror among the entries that serve a Debian suite. */
export function chooseMirror(entries: readonly SourceEntry[]): DebianMirror | undefined {
  const debian = entries.filter((entry) => entry.suites.some((suite) => DEBIAN_SUITE.test(suite)));
  const isSecurity = (entry: SourceEntry) => entry.suites.some((suite) => /-security$|\/updates$/.test(suite));
  const archive = debian.find((entry) => !isSecurity(entry));
  const uri = archive?.uris[0];
  if (!archive || !uri) return undefined;
  const security = debian.find(isSecurity)?.uris[0] ?? uri.replace(/\/debian\/?$/, "/debian-security");
  return { archive: uri, security, keyring: archive.signedBy };
}

/** Reads the host's own apt sources; nothing is changed there. */
export async function hostMirror(etcApt = "/etc/apt"): Promise<DebianMirror> {
  const entries = parseListFile(await readFile(join(etcApt, "sources.list"), "utf8").catch(() => ""));
  const names = await readdir(join(etcApt, "sources.list.d")).catch(() => []);
  for (const name of names.sort()) {
    const parse = name.endsWith(".list") ? parseListFile : name.endsWith(".sources") ? parseSourcesFile : undefined;
    if (parse) entries.push(...parse(await readFile(join(etcApt, "sources.list.d", name), "utf8")));
  }
  const mirror = chooseMirror(entries);
  if (!mirror) {
    throw new Error(
      "no Debian mirror in this host's apt sources; the packages come from Debian, so build on a Debian host " +
        "or add a Debian entry (Types: deb, Suites: trixie, Signed-By: its keyring) under /etc/apt/sources.list.d",
    );
  }
  return mirror;
}
