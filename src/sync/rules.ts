import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import ignore, { type Ignore } from "ignore";

/** Files of patterns, in the order in which they are read: the later one has the last word. */
const ruleFiles = [".gitignore", ".vivignore"];

/** Whether a change of this file changes what is taken. */
export function isRuleFile(path: string): boolean {
  return ruleFiles.includes(path.slice(path.lastIndexOf("/") + 1));
}

/** Folders in which a pull lays what it brought, until it is in place. */
export const pullFolderPrefix = ".viv-pull-";

export interface RuleOptions {
  /** Take `.git` too. */
  readonly git?: boolean;
  /** More patterns, as in a .gitignore of the root. */
  readonly exclude?: readonly string[];
}

/**
 * What of a folder is taken: git's rules (gitignore(5)), from the top of the repository the folder lies in, and
 * `.vivignore` beside them, which can take back what git ignores. `.git` is left out unless asked for.
 */
export class Rules {
  /** By folder below the root; the ones above it under `../`. */
  readonly #levels = new Map<string, Ignore>();
  readonly #above: { readonly prefix: string; readonly rules: Ignore }[] = [];
  readonly #always: Ignore;
  readonly #git: boolean;

  private constructor(options: RuleOptions) {
    this.#git = options.git ?? false;
    this.#always = ignore().add([...(options.exclude ?? []), `/${pullFolderPrefix}*`]);
  }

  static async of(root: string, options: RuleOptions = {}): Promise<Rules> {
    const rules = new Rules(options);
    for (const folder of await foldersAbove(root)) {
      const level = await readRules(folder);
      if (level) rules.#above.push({ prefix: `${relative(folder, root).split(sep).join("/")}/`, rules: level });
    }
    return rules;
  }

  /** Takes a folder's own rules in, before anything in it is asked about. `names`: what lies in it. */
  async enter(root: string, folder: string, names: readonly string[]): Promise<void> {
    if (!ruleFiles.some((name) => names.includes(name)) && !(folder === "" && names.includes(".git"))) {
      this.#levels.delete(folder);
      return;
    }
    const level = await readRules(join(root, folder));
    if (level) this.#levels.set(folder, level);
    else this.#levels.delete(folder);
  }

  /** Whether an entry is left out. Its parents are not: nobody looks into a folder that is left out. */
  ignores(path: string, isFolder: boolean): boolean {
    if (!this.#git && (path === ".git" || path.endsWith("/.git"))) return true;
    const asked = isFolder ? `${path}/` : path;
    if (this.#always.ignores(asked)) return true;
    let ignored = false;
    for (const { prefix, rules } of this.#above) ignored = verdict(rules, prefix + asked, ignored);
    if (this.#levels.size === 0) return ignored;
    for (let end = 0; end >= 0; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      const level = this.#levels.get(folder);
      if (level) ignored = verdict(level, folder === "" ? asked : asked.slice(folder.length + 1), ignored);
    }
    return ignored;
  }

  /** As `ignores`, for a path whose parents nobody asked about (one that a guest told). */
  ignoresAnywhere(path: string): boolean {
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) if (this.ignores(path.slice(0, end), true)) return true;
    return this.ignores(path, false);
  }
}

function verdict(rules: Ignore, path: string, before: boolean): boolean {
  const { ignored, unignored } = rules.test(path);
  return ignored ? true : unignored ? false : before;
}

async function readRules(folder: string): Promise<Ignore | undefined> {
  const texts = await Promise.all([join(".git", "info", "exclude"), ...ruleFiles].map((name) => readText(join(folder, name))));
  if (texts.every((text) => text === undefined)) return undefined;
  const rules = ignore();
  for (const text of texts) if (text !== undefined) rules.add(text);
  return rules;
}

async function readText(file: string): Promise<string | undefined> {
  // A folder, a broken link, no right to read: no rules.
  return readFile(file, "utf8").catch(() => undefined);
}

/** From the top of the repository down to the parent of `root`; none when it lies in none, or is the top itself. */
async function foldersAbove(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    if (folder !== root) folders.unshift(folder);
    if (await isRepository(folder)) return folders;
    if (dirname(folder) === folder) return [];
  }
}

async function isRepository(folder: string): Promise<boolean> {
  return stat(join(folder, ".git")).then(
    () => true,
    () => false,
  );
}
