/**
 * Debian's control format (deb822): stanzas of `Field: value`, continued by indented lines.
 * Used for package records, apt sources and machine-readable copyright files.
 */
export type Stanza = ReadonlyMap<string, string>;

/**
 * Parses stanzas. Field names are lower-cased; continuation lines are joined with a newline,
 * without their leading space; a line starting with `#` is a comment; a lone ` .` is an empty line.
 */
export function parseStanzas(text: string): Stanza[] {
  const stanzas: Map<string, string>[] = [];
  let current = new Map<string, string>();
  let field = "";
  const finish = (): void => {
    if (current.size > 0) stanzas.push(current);
    current = new Map();
    field = "";
  };
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    if (line.trim() === "") {
      finish();
    } else if (/^[ \t]/.test(line)) {
      if (field === "") continue;
      const continued = line.trim() === "." ? "" : line.trim();
      current.set(field, `${current.get(field) ?? ""}\n${continued}`);
    } else {
      const colon = line.indexOf(":");
      if (colon < 1) continue;
      field = line.slice(0, colon).trim().toLowerCase();
      current.set(field, line.slice(colon + 1).trim());
    }
  }
  finish();
  return stanzas;
}
