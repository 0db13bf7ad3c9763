import { parseStanzas } from "../apt/index.ts";

/** Debian's short names → SPDX, where they differ. */
const spdx: Record<string, string> = {
  expat: "MIT",
  "bsd-2-clause": "BSD-2-Clause",
  "bsd-3-clause": "BSD-3-Clause",
  "bsd-4-clause": "BSD-4-Clause",
  "apache-2.0": "Apache-2.0",
  isc: "ISC",
  zlib: "Zlib",
  mit: "MIT",
};

const gnuNames: Record<string, string> = { gpl: "GPL", lgpl: "LGPL", agpl: "AGPL", gfdl: "GFDL", fdl: "GFDL" };

/** Source packages whose copyright file is prose, with the licence that holds for the whole. */
const proseLicenses: Record<string, string> = {
  qemu: "GPL-2.0-only AND others, see copyright",
  seabios: "LGPL-3.0-only AND others, see copyright",
};

/** The licence of a package: from its copyright file, else from the table above. */
export function licenseOf(sourceName: string, copyright: string): string {
  const license = readLicense(copyright);
  return license === "see copyright" ? (proseLicenses[sourceName] ?? license) : license;
}

/** `GPL-2+` → `GPL-2.0-or-later`, `Expat` → `MIT`; a name of nobody's stays as it is. */
export function toSpdx(shortName: string): string {
  const gnu = /^(gpl|lgpl|agpl|gfdl|fdl)-?v?(\d)(?:\.(\d))?(\+?)$/i.exec(shortName);
  if (gnu !== null) {
    const [, family = "", major = "", minor = "0", orLater = ""] = gnu;
    return `${gnuNames[family.toLowerCase()] ?? family}-${major}.${minor}-${orLater === "+" ? "or-later" : "only"}`;
  }
  return spdx[shortName.toLowerCase()] ?? shortName;
}

/**
 * The licences of a package from its `copyright` file.
 *
 * @returns SPDX-like words joined by ` AND `; "see copyright" when the file is prose
 */
export function readLicense(copyright: string): string {
  const [header, ...stanzas] = parseStanzas(copyright);
  if (
    header === undefined ||
    !/copyright-format|dep5|dep\.debian/i.test(header.get("format") ?? header.get("format-specification") ?? "")
  ) {
    return "see copyright";
  }
  const names = [header, ...stanzas.filter((stanza) => stanza.has("files"))]
    // The first line is the short name; the licence's text follows.
    .map((stanza) => (stanza.get("license") ?? "").split("\n")[0]?.trim() ?? "")
    .filter((name) => name !== "");
  const licenses = [...new Set(names.map(normalise))].sort();
  return licenses.length > 0 ? licenses.join(" AND ") : "see copyright";
}

function normalise(expression: string): string {
  const parts = expression.split(/\s+(and\/or|and|or)\s+|,\s*/i).filter((part) => part !== undefined && part !== "");
  const words = parts.map((part) => (/^(and\/or|and|or)$/i.test(part) ? part.toUpperCase().replace("AND/OR", "OR") : toSpdx(part.trim())));
  return words.length > 1 ? `(${words.join(" ")})` : (words[0] ?? expression);
}
