import { randomBytes } from "node:crypto";
import type { CheckedParams, ForkView, forkMethods, Result, TemplateView } from "../api/index.ts";
import {
  editTemplate,
  forksOf,
  forkTemplate,
  keepBudget,
  makeTemplate,
  removeFork,
  removeTemplate,
  runningOn,
  type SoundTemplate,
  type Template,
  templateBytes,
} from "../host/index.ts";
import { keepFork, lateStep, type Machine, requireFork, snapshotId, type Work } from "../machine/index.ts";
import { checkDefinition, vivError } from "../model/index.ts";
import type { HandlerContext, HandlersOf } from "./handler.ts";
import type { World } from "./world.ts";

/** Templates and forks. */
export const forkHandlers: HandlersOf<typeof forkMethods> = {
  "template.list": async (_params, { world }) => Promise.all(world.templates.all.map((template) => viewOf(template, world))),
  "template.show": async ({ template }, { world }) => viewOf(world.templates.find(template), world),
  "template.create": async ({ machine: name, name: wanted, ...request }, { world, work }) => {
    const machine = world.library.find(name);
    const { name: made } = await makeTemplate(machine, { ...request, name: wanted ?? machine.name }, world.templates, work);
    return changed(world, viewOf(world.templates.find(made), world));
  },
  "template.edit": async ({ template, ...changes }, { world }) => {
    const { record } = await world.templates.sound(template);
    const { name } = await editTemplate(record, changes, world.templates);
    return changed(world, viewOf(world.templates.find(name), world));
  },
  "template.remove": async ({ template }, { world }) => {
    const freedBytes = await removeTemplate(world.templates.find(template), world.templates, world.library.all);
    return changed(world, Promise.resolve({ freedBytes }));
  },
  "fork.create": createForks,
  "fork.keep": async ({ machine }, { world }) => {
    await keepFork(world.library.find(machine));
    return changed(world, Promise.resolve({}));
  },
  "fork.remove": async ({ machine: name }, { world }) => {
    const machine = world.library.find(name);
    requireFork(machine);
    await removeFork(machine, world.library);
    return changed(world, Promise.resolve({}));
  },
};

async function changed<T>(world: World, result: Promise<T>): Promise<T> {
  const value = await result;
  world.templatesChanged();
  return value;
}

async function viewOf(template: Template, world: World): Promise<TemplateView> {
  const { name, record, problem } = template;
  const ownBytes = await templateBytes(template);
  if (!record) {
    const none = {
      createdAt: "",
      lastUsedAt: "",
      implicit: false,
      source: { name: "", id: "" },
      memoryBytes: 0,
      qemuVersion: "",
      accelerator: "",
    };
    return { id: `damaged-${name}`, name, ...none, architecture: "", cpus: 0, ownBytes, forks: [], problem };
  }
  const checked = checkDefinition(record.definition);
  const definition = "definition" in checked ? checked.definition : undefined;
  const running = new Set(runningOn(record, world.library.all));
  return {
    ...{ id: record.id, name, ...(record.note ? { note: record.note } : {}) },
    ...{ createdAt: record.createdAt, lastUsedAt: record.lastUsedAt, implicit: record.implicit, source: record.source },
    ...{ memoryBytes: record.memoryBytes, ownBytes, qemuVersion: record.qemuVersion, accelerator: record.accelerator },
    architecture: definition?.architecture ?? "",
    cpus: definition?.cpus ?? 0,
    ...(definition?.image ? { image: definition.image } : {}),
    ...(record.pausedMs === undefined ? {} : { pausedMs: record.pausedMs }),
    forks: forksOf(record, world.library.all).map((machine) => ({ id: machine.id, name: machine.name, running: running.has(machine) })),
    ...(definition ? {} : { problem: "its definition cannot be read" }),
  };
}

async function createForks(request: CheckedParams<"fork.create">, { world, work }: HandlerContext): Promise<Result<"fork.create">> {
  const requestedAt = new Date().toISOString();
  const template = await templateFor(request, world, work);
  const { count, names, group, readyWithinMs } = request;
  const context = { store: world.templates, library: world.library, machinesFolder: world.home.machines, cores: world.cores };
  const forked = await forkTemplate(template, { count, names, group, readyWithinMs, requestedAt }, context, work);
  world.templatesChanged();
  return forked.map(({ machine, readyMs }) => forkView(machine, readyMs));
}

function forkView(machine: Machine, readyMs: number | undefined): ForkView {
  const view = { name: machine.name, id: machine.id, state: machine.view.status.state, readyMs: readyMs ?? null };
  if (readyMs !== undefined) return view;
  const late = lateStep(machine);
  return { ...view, reason: late ? `It waits for ${late.step} (${late.description}).` : "Its agent has not answered." };
}

/** The template that is named; else one made on the way, which a snapshot's forks share. */
async function templateFor({ source, snapshot, present }: CheckedParams<"fork.create">, world: World, work: Work): Promise<SoundTemplate> {
  const { templates, library } = world;
  if (!present && snapshot === undefined && templates.lookUp(source)) return templates.sound(source);
  const machine = library.find(source);
  const known = snapshot === undefined ? undefined : knownTemplate(machine, await snapshotId(machine, snapshot), world);
  if (known) return templates.sound(known.name);
  const name = freshName(machine.name, world);
  await makeTemplate(machine, { name, snapshot, implicit: true }, templates, work);
  await keepBudget(templates, library.all);
  world.templatesChanged();
  return templates.sound(name);
}

function knownTemplate(machine: Machine, snapshot: string, { templates }: World): Template | undefined {
  return templates.all.find(({ record }) => record?.implicit && record.source.id === machine.id && record.source.snapshot === snapshot);
}

function freshName(base: string, { templates }: World): string {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const name = `${base.slice(0, 30)}-${randomBytes(2).toString("hex")}`;
    if (!templates.has(name)) return name;
  }
  throw vivError("internal", `No name is left for a template of ${base}.`);
}
