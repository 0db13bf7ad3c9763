/**
 * Fills `l10n/bundle.l10n.json` with every text the code shows (`l10n.t`), for translators. `npm run l10n`.
 * With `--check` nothing is written and a stale file fails. Texts of the manifest are in `package.nls.json`.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getL10nJson, type l10nJsonFormat } from "@vscode/l10n-dev";

const bundle = join("l10n", "bundle.l10n.json");

/** The rooms that speak to people in the editor. */
const rooms = ["src/editor", "src/vmtree", "src/commands", "src/webviews", "src/terminals", "src/fileSystem", "src/testExplorer"] as const;

/** Texts of the code, in alphabetical order so that a change shows as itself. */
export async function textsOfCode(): Promise<l10nJsonFormat> {
  const files = (await Promise.all(rooms.map(sourcesOf))).flat();
  const contents = await Promise.all(["extension.ts", ...files].map((file) => readFile(file, "utf8")));
  const texts = await getL10nJson(contents.map((text) => ({ extension: ".ts", contents: asOfVscode(text) })));
  return Object.fromEntries(Object.entries(texts).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The exporter knows `l10n` only as VS Code's own: what pages call the same (webviews/ui/l10n.ts) is shown to it as that. */
function asOfVscode(text: string): string {
  return text.replace(/^import \{ l10n \} from "[^"]*\/l10n\.ts";$/m, 'import { l10n } from "vscode";');
}

async function sourcesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith(".ts")).map((name) => join(folder, name));
}

if (import.meta.main) {
  const text = `${JSON.stringify(await textsOfCode(), undefined, 2)}\n`;
  if (!process.argv.includes("--check")) await writeFile(bundle, text);
  else if ((await readFile(bundle, "utf8")) !== text) throw new Error(`${bundle} is stale: run npm run l10n.`);
}
