import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import {
  emptyState,
  forkDefinition,
  forksAreStarting,
  kill,
  letForkRun,
  linkDisks,
  type Machine,
  makeKeys,
  makePrivateFolder,
  prepareFork,
  requireForkable,
  saveState,
  type Work,
  writeFileAtomically,
} from "../../machine/index.ts";
import { asVivError, type Definition, type StateFile, type VivError } from "../../model/index.ts";
import { definitionText } from "../definitions.ts";
import type { Library } from "../library.ts";
import { stageMachine } from "../staging.ts";
import { requireRoom } from "./capacity.ts";
import { forkNames } from "./names.ts";
import type { SoundTemplate, TemplateStore } from "./store.ts";

export interface ForkRequest {
  readonly count: number;
  /** One for each; absent: the template's with a number. */
  readonly names?: readonly string[] | undefined;
  readonly group?: string | undefined;
  /** When somebody asked for it; absent: now. */
  readonly requestedAt?: string;
  /** How long to wait for each to be ready, ms. */
  readonly readyWithinMs: number;
}

export interface ForkContext {
  readonly store: TemplateStore;
  readonly library: Library;
  readonly machinesFolder: string;
  readonly cores: number;
}

export interface Forked {
  readonly machine: Machine;
  /** From the request to its agent's answer, with clock, host name and machine-id set; undefined: it runs, and is not ready. */
  readonly readyMs: number | undefined;
}

/**
 * Starts machines that go on where the template stood, each with an identity of its own. All have room, or none is started;
 * one that cannot be started leaves nothing.
 * @throws VivError `not-enough-memory`, `damaged`, `host-cannot`, `exists`, `invalid-name`; the first failure when one could
 *   not be started: those that were are removed again
 */
export function forkTemplate(template: SoundTemplate, request: ForkRequest, context: ForkContext, work: Work): Promise<Forked[]> {
  const started = forksAreStarting();
  return context.store.holding(template.record.id, () => startForks(template, request, context, work)).finally(started);
}

async function startForks(template: SoundTemplate, request: ForkRequest, context: ForkContext, work: Work): Promise<Forked[]> {
  const requestedAt = request.requestedAt ?? new Date().toISOString();
  const { store, library } = context;
  await requireForkable(store, template.source, template.definition);
  await requireRoom(store.folder, request.count);
  const names = forkNames(template.record.name, request, library);
  const made: Machine[] = [];
  try {
    const forked = await inParallel(names.all, 2 * context.cores, async (name) => {
      work.signal.throwIfAborted();
      const machine = await makeFork(template, name, request, context, requestedAt, work);
      made.push(machine);
      work.progress({ kind: "fork", step: "starting", percent: Math.round((100 * made.length) / request.count) });
      return { machine, readyMs: await readyMs(machine, request.readyWithinMs, work.signal) };
    });
    const latest = store.lookUp(template.record.id)?.record;
    if (latest) void store.update({ ...latest, lastUsedAt: requestedAt }).catch(() => undefined);
    return forked;
  } catch (error) {
    for (const machine of made) await removeFork(machine, library);
    throw error;
  } finally {
    names.release();
  }
}

async function makeFork(
  template: SoundTemplate,
  name: string,
  { group }: ForkRequest,
  { library, machinesFolder }: ForkContext,
  requestedAt: string,
  work: Work,
): Promise<Machine> {
  const definition: Definition = { ...forkDefinition(template.definition, name), ...(group === undefined ? {} : { group }) };
  const operation = { kind: "fork" as const, step: "making", startedAt: requestedAt, owner: library.self, data: {} };
  await stageMachine(
    { machinesFolder, isTaken: (wanted) => library.has(wanted) },
    name,
    definition.id,
    async (paths) => {
      const state: StateFile = {
        ...emptyState(),
        wanted: "running",
        operation,
        identity: { hostname: name, machineId: randomBytes(16).toString("hex"), loginKeysBefore: template.record.loginKeys, quick: true },
        fork: { template: template.record.id, templateName: template.record.name, at: requestedAt },
      };
      await Promise.all([
        linkDisks(template.layers, paths, { durable: false }),
        writeFileAtomically(paths.definition, definitionText(definition)),
        makeKeys(paths, definition),
        makePrivateFolder(paths.logs),
        saveState(paths, state),
      ]);
    },
    work.signal,
    { durable: false },
  );
  const machine = await library.add(name);
  try {
    await machine.operate("fork", work, async (running) => {
      const session = await prepareFork(machine, template.source, requestedAt, running);
      await letForkRun(machine, session, running);
    });
    return machine;
  } catch (error) {
    await removeFork(machine, library);
    throw error;
  }
}

/** A fork that nobody keeps goes for good, its process first. */
export async function removeFork(machine: Machine, library: Library): Promise<void> {
  await kill(machine, { signal: new AbortController().signal, progress: () => undefined });
  library.forget(machine);
  await rm(machine.paths.folder, { recursive: true, force: true });
}

/** @returns undefined when the time is over: the agent is missing or slow */
async function readyMs(machine: Machine, withinMs: number, signal: AbortSignal): Promise<number | undefined> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const ms = machine.state.run?.readiness.agent;
    if (ms !== undefined) return ms;
    const left = deadline - Date.now();
    if (left <= 0 || machine.state.run === undefined) return undefined;
    await machine.nextChange(left, signal);
  }
}

/** In the order of `items`; after a failure no further one is begun. @throws the first failure, when all have ended */
async function inParallel<T, R>(items: readonly T[], limit: number, run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failure: VivError | undefined;
  const worker = async () => {
    while (next < items.length && failure === undefined) {
      const index = next;
      next += 1;
      await run(items[index] as T).then(
        (result) => {
          results[index] = result;
        },
        (error: unknown) => {
          failure ??= asVivError(error);
        },
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failure !== undefined) throw failure;
  return results;
}
