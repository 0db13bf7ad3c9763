import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, rmdir, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import ignore from "ignore";
import { unpack } from "../copy/index.ts";
import { vivError } from "../model/index.ts";
import { diffText } from "./diffText.ts";
import { type Entry, type LeftOut, parentOf, type Tree } from "./entry.ts";
import { collect, fetchFiles, type GuestFolder, list } from "./guestFolder.ts";
import { newStamp } from "./memory.ts";
import { type PullPlan, planPull } from "./pullPlan.ts";
import { pullFolderPrefix } from "./rules.ts";
import { clear, makeParents } from "./safePath.ts";
import { factsEntry, scan } from "./scan.ts";
import { type SyncRequest, SyncTarget, type SyncWork } from "./sync.ts";

export interface PullRequest extends SyncRequest {
  /** Only what these patterns name (as lines of .gitignore), also what sync leaves out; absent: what sync takes. */
  readonly outputs?: readonly string[];
}

/** A file that changed on both sides. */
export interface Conflict {
  readonly path: string;
  /** This host's file. */
  readonly hostFile: string;
  /** The guest's, brought here to look at; undefined for a folder. */
  readonly guestFile: string | undefined;
  /** From here to there, as a unified diff. */
  readonly diff: string;
}

export interface Pulled {
  readonly machine: string;
  readonly folder: string;
  readonly path: string;
  /** What was (or with a dry run would be) brought here. */
  readonly taken: readonly string[];
  /** Gone in the guest; removed here when asked for. */
  readonly gone: readonly string[];
  readonly removed: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/** A pull that was looked at and not done: the guest's files lie beside, nothing was changed. */
export interface PreparedPull {
  readonly take: readonly string[];
  readonly gone: readonly string[];
  readonly conflicts: readonly Conflict[];
  readonly leftOut: readonly LeftOut[];
  /** `force`: the conflicts too. `remove`: what is gone in the guest. @throws VivError `wrong-state` when a file changed meanwhile. */
  apply(choice: { readonly force?: boolean; readonly remove?: boolean }): Promise<Pulled>;
  /** Removes what was brought beside. */
  dispose(): Promise<void>;
}

/** Looks at what changed in the guest, and brings it beside the folder. @throws VivError as `sync`. */
export async function preparePull(work: SyncWork, request: PullRequest): Promise<PreparedPull> {
  const target = await SyncTarget.open(work, request);
  const { folder } = target.pair;
  await mkdir(folder, { recursive: true });
  const guestFolder = target.guest(work.client);
  const [host, guest] = await Promise.all([scan(folder, target.rules, work.signal), list(guestFolder, work.signal)]);
  if (guest.tree.size === 0 && !(await isThere(work, request)))
    throw vivError("not-found", `There is no ${request.path} in ${request.machine}.`);
  const asked = request.outputs === undefined ? undefined : ignore().add([...request.outputs]);
  const here = asked ? await withIgnored(folder, host.tree, guest.tree.keys(), asked.ignores.bind(asked)) : host.tree;
  const plan = planPull({
    guest: guest.tree,
    host: here,
    base: asked ? outputsBase(here, host.tree, target.memory?.tree) : target.memory?.tree,
    wanted: asked ? (path, entry) => entry.kind !== "folder" && asked.ignores(path) : (path) => !target.rules.ignoresAnywhere(path),
  });
  const staging = join(folder, `${pullFolderPrefix}${randomBytes(6).toString("hex")}`);
  const dispose = () => rm(staging, { recursive: true, force: true });
  try {
    await removeOld(folder);
    await bring(guestFolder, [...plan.take, ...plan.both], guest.tree, staging, work.signal);
    const conflicts = await findConflicts(plan, folder, staging, here, guest.tree);
    const leftOut = [...plan.leftOut, ...guest.leftOut];
    const gone = asked ? [] : plan.gone;
    const found = { plan, host: here, guest: guest.tree, staging, conflicts, leftOut, gone };
    return { take: plan.take, gone, conflicts, leftOut, apply: (choice) => apply(target, request, found, choice), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Brings back what a run made (`coverage/**`, `out/*.xml`), never into .git or .vscode and never over a file that was
 * edited here since the last sync: those are in `leftOut`.
 */
export async function pullOutputs(work: SyncWork, request: PullRequest & { readonly outputs: readonly string[] }): Promise<Pulled> {
  const prepared = await preparePull(work, request);
  try {
    const pulled = await prepared.apply({});
    const conflicts = prepared.conflicts.map(({ path }) => ({ path, reason: "it was edited here since the last sync" }));
    return { ...pulled, leftOut: [...pulled.leftOut, ...conflicts] };
  } finally {
    await prepared.dispose();
  }
}

interface Found {
  readonly plan: PullPlan;
  readonly host: Tree;
  readonly guest: Tree;
  readonly staging: string;
  readonly conflicts: readonly Conflict[];
  readonly leftOut: readonly LeftOut[];
  readonly gone: readonly string[];
}

async function apply(
  target: SyncTarget,
  request: PullRequest,
  found: Found,
  choice: { readonly force?: boolean; readonly remove?: boolean },
): Promise<Pulled> {
  const { folder, path } = target.pair;
  const tree = new Map(target.memory?.tree);
  const overridden = choice.force ? found.conflicts.map((conflict) => conflict.path) : [];
  const taken = [...found.plan.take, ...overridden].filter((each) => found.guest.has(each)).sort();
  // What changed on both sides to the same is no conflict, and is remembered as it is.
  const agreed = found.plan.both.filter((each) => !found.conflicts.some((conflict) => conflict.path === each));
  const forced = new Set(overridden);
  for (const each of taken) {
    const there = found.guest.get(each);
    if (!there) continue;
    if (!forced.has(each)) await refuseChanged(join(folder, each), found.host.get(each));
    await makeParents(folder, each, choice.force ?? false);
    await place(join(found.staging, each), join(folder, each), there);
    tree.set(each, await entryOf(join(folder, each)));
  }
  for (const each of agreed) tree.set(each, await entryOf(join(folder, each)));
  const removed: string[] = [];
  if (choice.remove) {
    for (const each of found.gone) {
      await refuseChanged(join(folder, each), found.host.get(each));
      if (await removeOne(join(folder, each), found.host.get(each))) removed.push(each);
      tree.delete(each);
    }
  }
  if (request.outputs === undefined)
    await target.remember({ stamp: target.memory?.stamp ?? newStamp(), tree, removed: target.memory?.removed ?? [] });
  return { machine: request.machine, folder, path, taken, gone: found.gone, removed, leftOut: found.leftOut };
}

/** A moment ago it was another: somebody works on it. */
async function refuseChanged(place: string, known: Entry | undefined): Promise<void> {
  const now = await lstat(place).catch(() => undefined);
  const unchanged = known === undefined ? !now?.isFile() : stillIs(known, now);
  if (unchanged) return;
  throw vivError("wrong-state", `${place} changed while it was pulled.`, "Nothing more was written: pull again.");
}

function stillIs(known: Entry, now: Awaited<ReturnType<typeof lstat>> | undefined): boolean {
  if (!now) return false;
  if (known.kind !== "file") return true;
  return now.isFile() && Math.round(Number(now.mtimeMs) * 1000) === known.mtimeUs && Number(now.size) === known.size;
}

async function place(staged: string, final: string, entry: Entry): Promise<void> {
  const there = await lstat(final).catch(() => undefined);
  if (entry.kind === "folder") {
    if (there && !there.isDirectory()) await unlink(final);
    if (!there?.isDirectory()) await mkdir(final);
    await chmod(final, entry.mode | 0o700);
    return;
  }
  if (there?.isDirectory()) await clear(final);
  await rename(staged, final);
}

async function removeOne(place: string, entry: Entry | undefined): Promise<boolean> {
  if (entry?.kind !== "folder") await unlink(place);
  else if ((await readdir(place)).length > 0) return false;
  else await rmdir(place);
  return true;
}

async function entryOf(place: string): Promise<Entry> {
  const facts = await lstat(place);
  if (facts.isSymbolicLink())
    return { kind: "link", mode: 0o777, size: 0, mtimeUs: Math.round(facts.mtimeMs * 1000), ctimeUs: 0, target: await readlink(place) };
  return factsEntry(facts.isDirectory() ? "folder" : "file", facts);
}

/** Files and links of the guest into a folder beside, with the times the guest gave them. */
async function bring(guest: GuestFolder, paths: readonly string[], tree: Tree, staging: string, signal: AbortSignal): Promise<void> {
  await mkdir(staging, { mode: 0o700 });
  const files = paths.filter((path) => tree.get(path)?.kind !== "folder");
  if (files.length === 0) return;
  const session = await fetchFiles(guest, files);
  const stop = () => session.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const said = collect(session.stderr);
    const [, exit] = await Promise.all([unpack(session.stdout, staging), session.exit]);
    if (exit.exitCode !== 0) throw vivError("agent-failed", `In the guest: ${(await said).replace(/sha256 .*\n?/, "").trim()}`);
  } catch (error) {
    if (signal.aborted) throw vivError("cancelled", "Cancelled.");
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  for (const path of files) {
    const entry = tree.get(path);
    if (entry?.kind !== "file") continue;
    await chmod(join(staging, path), entry.mode);
    await utimes(join(staging, path), entry.mtimeUs / 1e6, entry.mtimeUs / 1e6);
  }
}

async function findConflicts(plan: PullPlan, folder: string, staging: string, host: Tree, guest: Tree): Promise<Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const path of plan.both) {
    const there = guest.get(path);
    const [hostFile, staged] = [join(folder, path), join(staging, path)];
    const here = host.get(path) ?? (await entryOf(hostFile).catch(() => undefined));
    if (here && there && (await equal(here, hostFile, there, staged))) continue;
    conflicts.push({
      path,
      hostFile,
      guestFile: there?.kind === "folder" ? undefined : staged,
      diff: await diffText(path, { entry: here, file: hostFile }, { entry: there, file: staged }),
    });
  }
  return conflicts;
}

async function equal(here: Entry, hostFile: string, there: Entry, staged: string): Promise<boolean> {
  if (here.kind !== there.kind) return false;
  if (here.kind === "link") return here.target === there.target;
  if (here.kind === "folder") return true;
  if (here.size !== there.size) return false;
  const [mine, theirs] = await Promise.all([readFile(hostFile), readFile(staged)]);
  return mine.equals(theirs);
}

/** A pull that was killed left its folder. */
async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.startsWith(pullFolderPrefix)) await rm(join(folder, name), { recursive: true, force: true });
}

/** This host's files that outputs would replace: sync leaves them out, so the scan does not know them. */
async function withIgnored(folder: string, tree: Tree, guest: Iterable<string>, wanted: (path: string) => boolean): Promise<Tree> {
  const all = new Map(tree);
  for (const path of guest) {
    if (!wanted(path)) continue;
    // Also what stands on the way: a link there is not gone through.
    for (let each = path; each !== ""; each = parentOf(each)) {
      if (all.has(each)) break;
      const entry = await entryOf(join(folder, each)).catch(() => undefined);
      if (entry) all.set(each, entry);
    }
  }
  return all;
}

/** Outputs are nobody's work: what sync leaves out may be replaced, what it takes only when nobody edited it. */
function outputsBase(here: Tree, synced: Tree, memory: Tree | undefined): Tree {
  const base = new Map(memory);
  for (const [path, entry] of here) if (!synced.has(path)) base.set(path, entry);
  return base;
}

async function isThere(work: SyncWork, { machine, path }: PullRequest): Promise<boolean> {
  const { exitCode } = await work.client.call("machine.exec", { machine, command: ["test", "-d", path] }, { signal: work.signal });
  return exitCode === 0;
}
