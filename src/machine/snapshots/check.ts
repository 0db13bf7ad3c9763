import { type SnapshotRecord, type SnapshotsFile, vivError } from "../../model/index.ts";
import type { Work } from "../host.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { type Content, readContent } from "./contents.ts";
import { filesOf } from "./files.ts";
import { forgetFrozen, freeze, standingOf } from "./frozen.ts";
import { type LayerGraph, readGraph } from "./graph.ts";
import { loadHashes } from "./hashes.ts";
import { problemOf } from "./list.ts";
import { saveRecords } from "./records.ts";
import { findSnapshot, visible } from "./tree.ts";

export interface CheckedFile {
  /** Relative to the machine's folder. */
  readonly file: string;
  readonly bytes: number;
  /** Names of the snapshots that need it. */
  readonly snapshots: readonly string[];
  /**
   * `right`: its content is what it was. `recorded`: nobody has touched it since it was frozen, and its content is known
   * from now on. `unread`: nobody seems to have touched it, and its content is not known yet.
   */
  readonly verdict: "right" | "recorded" | "unread" | "altered" | "missing";
}

export interface SnapshotCheck {
  readonly sound: boolean;
  readonly files: readonly CheckedFile[];
  /** Why snapshots cannot be restored, otherwise than by these files. */
  readonly problems: readonly string[];
}

export interface CheckRequest {
  /** Absent: all that are not removed. */
  readonly snapshot?: string | undefined;
  /** Only what the file system says; nothing is read. */
  readonly quick: boolean;
  /** Altered files are taken as they are from now on. */
  readonly accept: boolean;
}

/**
 * Compares the files that snapshots need with what they were, byte for byte. The machine may run, and change meanwhile.
 * @throws VivError `not-found`, `cancelled`.
 */
export async function checkSnapshots(machine: Machine, request: CheckRequest, work: Work): Promise<SnapshotCheck> {
  const file = await loadSnapshots(machine.paths);
  const chosen = request.snapshot === undefined ? visible(file) : [findSnapshot(file, request.snapshot)];
  const graph = readGraph(machine.paths, file, machine.effectiveDefinition);
  const names = new Map<string, string[]>();
  for (const record of chosen) for (const name of filesOf(graph, file, record)) names.set(name, [...(names.get(name) ?? []), record.name]);
  if (request.accept) await acceptAltered(machine, [...names.keys()], work);
  const files = await checkFiles(machine, names, request.quick, work);
  const wrong = files.filter(({ verdict }) => verdict === "altered" || verdict === "missing");
  const now = await loadSnapshots(machine.paths);
  const problems = chosen.flatMap((record) => {
    const problem = problemOf(machine, now, graph, record);
    return problem === undefined || wrong.some((each) => problem.startsWith(`${each.file} `)) ? [] : [`${record.name}: ${problem}`];
  });
  return { sound: wrong.length === 0 && problems.length === 0, files, problems };
}

async function checkFiles(
  machine: Machine,
  names: ReadonlyMap<string, readonly string[]>,
  quick: boolean,
  work: Work,
): Promise<CheckedFile[]> {
  const { frozen } = await loadSnapshots(machine.paths);
  const bytesOf = (name: string) => frozen[name]?.bytes ?? 0;
  const total = [...names.keys()].reduce((sum, name) => sum + bytesOf(name), 0);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    const percent = Math.floor((100 * done) / Math.max(1, total));
    work.progress({ kind: "check", step: "comparing files", percent: Math.min(100, percent) });
  };
  const files: CheckedFile[] = [];
  for (const [file, snapshots] of names) {
    const verdict = verdictOf(quick ? quickContent(machine, await loadSnapshots(machine.paths), file) : await read(file));
    files.push({ file, bytes: bytesOf(file), snapshots, verdict });
  }
  return files;

  async function read(file: string): Promise<Content | undefined> {
    try {
      return await readContent(machine, file, { signal: work.signal, onBytes });
    } catch (error) {
      if (work.signal.aborted) throw vivError("cancelled", `${machine.name}: the check was cancelled.`, undefined, error);
      return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "altered";
    }
  }
}

function quickContent(machine: Machine, file: SnapshotsFile, name: string): Content | undefined {
  const standing = standingOf(machine.paths, file, loadHashes(machine.paths), name);
  return standing?.is === "right" && !standing.hashed ? undefined : standing?.is;
}

function verdictOf(content: Content | undefined): CheckedFile["verdict"] {
  return content === undefined || content === "unsure" ? "unread" : content;
}

/** From now on they are what they are now. Missing ones stay missing. */
async function acceptAltered(machine: Machine, names: readonly string[], work: Work): Promise<void> {
  await machine.operate("snapshot", work, async () => {
    for (const name of names) await readContent(machine, name, { signal: work.signal }).catch(() => undefined);
    const file = await loadSnapshots(machine.paths);
    const hashes = loadHashes(machine.paths);
    const altered = names.filter((name) => standingOf(machine.paths, file, hashes, name)?.is === "altered");
    if (altered.length === 0) return;
    const frozen = await freeze(machine.paths, altered);
    await saveRecords(machine, { ...forgetFrozen(file, altered), frozen: { ...file.frozen, ...frozen } });
  });
}

/**
 * Why a snapshot cannot be used; reads files that look otherwise than they did, and only those.
 * @throws VivError `cancelled`.
 */
export async function problemWithContent(
  machine: Machine,
  file: SnapshotsFile,
  graph: LayerGraph,
  record: SnapshotRecord,
  operation: Operation,
): Promise<string | undefined> {
  const problem = problemOf(machine, file, graph, record);
  if (problem !== undefined) return problem;
  const hashes = loadHashes(machine.paths);
  const unsure = [...filesOf(graph, file, record)].filter((name) => standingOf(machine.paths, file, hashes, name)?.is === "unsure");
  const total = unsure.reduce((sum, name) => sum + (file.frozen[name]?.bytes ?? 0), 0);
  let done = 0;
  let said = -1;
  const onBytes = async (bytes: number) => {
    done += bytes;
    const percent = Math.floor((100 * done) / total);
    if (percent === said) return;
    said = percent;
    await operation.step("comparing files", { percent });
  };
  for (const name of unsure) {
    try {
      const content = await readContent(machine, name, { signal: operation.signal, onBytes });
      if (content !== "right") return `${name} was changed since it was frozen`;
    } catch (error) {
      if (operation.signal.aborted) throw error;
      return `${name} cannot be read: ${(error as Error).message}`;
    }
  }
  return undefined;
}
