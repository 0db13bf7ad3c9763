import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { VivClient } from "../../api/index.ts";
import { asVivError } from "../../model/index.ts";

/** Which machines are a repository's: written before one is made, so that none is forgotten when its runner is killed. */
const TestMachineRecord = z.object({
  machine: z.string(),
  folder: z.string(),
  target: z.string().optional(),
  /** run: removed at the end of its run; up: of `viv up`; kept: its tests failed, and somebody wants to look. */
  kind: z.enum(["run", "up", "kept"]),
  /** Of the process that runs it. */
  pid: z.int(),
  /** What it was made by (LoadedFile.hash). */
  hash: z.string(),
  /** The commands that run once have ended. */
  made: z.boolean(),
});
export type TestMachineRecord = z.infer<typeof TestMachineRecord>;

export class TestMachineRecords {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, "testvm");
  }

  async list(): Promise<TestMachineRecord[]> {
    const names = (await readdir(this.#folder).catch(() => [])).filter((name) => name.endsWith(".json"));
    const records = await Promise.all(names.map((name) => this.#read(join(this.#folder, name))));
    return records.filter((record) => record !== undefined).sort((a, b) => a.machine.localeCompare(b.machine));
  }

  read(machine: string): Promise<TestMachineRecord | undefined> {
    return this.#read(join(this.#folder, `${machine}.json`));
  }

  async write(record: TestMachineRecord): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.#folder, `${record.machine}.${randomBytes(6).toString("hex")}.tmp`);
    await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(temporary, join(this.#folder, `${record.machine}.json`));
  }

  /** Takes the machine away for good, then its record. */
  async discard(client: VivClient, machine: string): Promise<void> {
    await removeForGood(client, machine);
    await rm(join(this.#folder, `${machine}.json`), { force: true });
  }

  /** What runners left that were killed. */
  async sweep(client: VivClient): Promise<string[]> {
    const left = (await this.list()).filter(({ kind, pid }) => kind === "run" && !isAlive(pid));
    for (const { machine } of left) await this.discard(client, machine);
    return left.map(({ machine }) => machine);
  }

  async #read(file: string): Promise<TestMachineRecord | undefined> {
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return TestMachineRecord.safeParse(JSON.parse(text)).data;
    } catch {
      return undefined;
    }
  }
}

async function removeForGood(client: VivClient, machine: string): Promise<void> {
  try {
    const { id } = await client.call("machine.remove", { machine, force: true });
    await client.call("machine.emptyTrash", { machine: id });
  } catch (error) {
    if (asVivError(error).code !== "not-found") throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process has the number now: it is not our runner, but nobody can tell.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
