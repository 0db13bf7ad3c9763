/**
 * Prints the table of bundled packages for THIRD_PARTY_NOTICES.md:
 * `node scripts/bundle/notices.ts dist/bundle/linux-x64/manifest.json`
 */
import { readFile } from "node:fs/promises";
import { type BundleManifest, bundleManifest } from "../../src/backends/manifest.ts";

/** One row a source package: what is built from it, its version, licences, and where its source is. */
export function noticesTable(manifest: BundleManifest): string {
  const sources = new Map<string, { names: string[]; version: string; licenses: Set<string>; offer: string }>();
  for (const { name, license, source } of manifest.packages) {
    const row = sources.get(source.name) ?? { names: [], version: source.version, licenses: new Set(), offer: source.offer };
    row.names.push(name);
    row.licenses.add(license);
    sources.set(source.name, row);
  }
  const rows = [...sources]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, row]) => {
      const url = /https?:\S+/.exec(row.offer)?.[0] ?? "";
      const licenses = [...row.licenses].join("; ").replaceAll("|", "\\|");
      return `| ${name} | ${row.version} | ${row.names.join(", ")} | ${licenses} | [source](${url}) |`;
    });
  return ["| source | version | packages | licences | |", "|---|---|---|---|---|", ...rows].join("\n");
}

if (import.meta.main) {
  const text = await readFile(process.argv[2] ?? "dist/bundle/linux-x64/manifest.json", "utf8");
  console.log(noticesTable(bundleManifest.parse(JSON.parse(text))));
}
