import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

/** That a user lets a folder's test-VM file run, as it was then: its bytes, and those of what it extends. */
const TrustEntry = z.object({
  folder: z.string(),
  /** SHA-256 (LoadedFile.hash). */
  hash: z.string(),
  /** Names of this computer's environment that its guests may get. */
  allowedEnvironment: z.array(z.string()),
  at: z.string(),
});
export type TrustEntry = z.infer<typeof TrustEntry>;

/** One file (0600) for each folder and content, so that two terminals never write the same one. */
export class TrustStore {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, "trust");
  }

  async list(): Promise<TrustEntry[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const entries = await Promise.all(names.filter((name) => name.endsWith(".json")).map((name) => this.#read(name)));
    return entries.filter((entry) => entry !== undefined).sort((a, b) => a.folder.localeCompare(b.folder) || a.at.localeCompare(b.at));
  }

  find(folder: string, hash: string): Promise<TrustEntry | undefined> {
    return this.#read(fileNameOf(folder, hash));
  }

  async add(entry: Omit<TrustEntry, "at">): Promise<TrustEntry> {
    const written: TrustEntry = { ...entry, at: new Date().toISOString() };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = join(this.#folder, fileNameOf(entry.folder, entry.hash));
    const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
    await writeFile(temporary, `${JSON.stringify(written, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(temporary, file);
    return written;
  }

  /** Every version of a folder's file; gives how many there were. */
  async remove(folder: string): Promise<number> {
    const entries = (await this.list()).filter((entry) => entry.folder === folder);
    await Promise.all(entries.map(({ hash }) => rm(join(this.#folder, fileNameOf(folder, hash)), { force: true })));
    return entries.length;
  }

  async #read(name: string): Promise<TrustEntry | undefined> {
    const text = await readFile(join(this.#folder, name), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      // What somebody broke trusts nothing.
      const parsed = TrustEntry.safeParse(JSON.parse(text));
      return parsed.success && fileNameOf(parsed.data.folder, parsed.data.hash) === name ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  }
}

function fileNameOf(folder: string, hash: string): string {
  return `${createHash("sha256")
    .update(JSON.stringify([folder, hash]))
    .digest("hex")}.json`;
}
