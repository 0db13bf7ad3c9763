import { readFile } from "node:fs/promises";
import { join } from "node:path";

const read = new Map<string, Promise<string>>();

/**
 * The contents of files of `dist/webviews`, by name, for a page that carries them inside it. Read once: an installed
 * version of the extension does not change.
 */
export async function pageTexts(folder: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return new Map(await Promise.all(names.map(async (name) => [name, await textOf(join(folder, name))] as const)));
}

function textOf(path: string): Promise<string> {
  const known = read.get(path);
  if (known !== undefined) return known;
  const text = readFile(path, "utf8");
  read.set(path, text);
  text.catch(() => read.delete(path));
  return text;
}
