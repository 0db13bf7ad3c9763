import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  endLeftOver,
  type ForkSource,
  type LayerSource,
  Machine,
  type MachineHost,
  readTextIfPresent,
  templateFiles,
  templateLayers,
  writeFileAtomically,
} from "../../machine/index.ts";
import { checkDefinition, type Definition, machineNamePattern, TemplateRecord, vivError } from "../../model/index.ts";

/** A template's folder, `templates/<name>/`: its record, or why there is none. */
export type Template = { readonly name: string; readonly folder: string } & (
  | { readonly record: TemplateRecord; readonly problem?: undefined }
  | { readonly record?: undefined; readonly problem: string }
);

export interface SoundTemplate {
  readonly record: TemplateRecord;
  readonly definition: Definition;
  readonly source: ForkSource;
  /** What a fork's disks stand on. */
  readonly layers: LayerSource;
}

/** Folders of templates that are being made or removed. */
export const hiddenPrefixes = { making: ".creating-", removing: ".removing-" } as const;

/** The templates of a home. Written by vivd alone; a folder that cannot be used is one entry with a problem. */
export class TemplateStore {
  readonly folder: string;
  readonly host: MachineHost;
  readonly #templates = new Map<string, Template>();
  readonly #held = new Map<string, number>();

  constructor(folder: string, host: MachineHost) {
    this.folder = folder;
    this.host = host;
  }

  /** Reads what is there; what a vivd that died was making or removing goes, with the QEMU that was at it. */
  async open(): Promise<void> {
    const names = (await readdir(this.folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const hidden = Object.values(hiddenPrefixes);
    for (const name of names.filter((each) => hidden.some((prefix) => each.startsWith(prefix)))) {
      const folder = join(this.folder, name);
      await endLeftOver(await Machine.load(this.host, folder)).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    }
    for (const name of names.filter((each) => machineNamePattern.test(each))) await this.read(name);
  }

  /** Also after its folder was put in place. */
  async read(name: string): Promise<Template> {
    const folder = join(this.folder, name);
    const template = await readTemplate(name, folder);
    this.#templates.set(name, template);
    return template;
  }

  get all(): Template[] {
    return [...this.#templates.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  has(name: string): boolean {
    return this.#templates.has(name);
  }

  /** By name or id. */
  lookUp(nameOrId: string): Template | undefined {
    return this.#templates.get(nameOrId) ?? this.all.find(({ record }) => record?.id === nameOrId);
  }

  /** @throws VivError `not-found` */
  find(nameOrId: string): Template {
    const found = this.lookUp(nameOrId);
    if (found) return found;
    throw vivError("not-found", `There is no template ${JSON.stringify(nameOrId.slice(0, 60))}.`, "List them: viv template ls");
  }

  /** @throws VivError `not-found`; `damaged` for one whose record or layers cannot be used */
  async sound(nameOrId: string): Promise<SoundTemplate> {
    const { name, folder, record, problem } = this.find(nameOrId);
    if (!record) throw vivError("damaged", `The template ${name} is damaged: ${problem}.`, `Remove it: viv template rm ${name}`);
    const checked = checkDefinition(record.definition);
    if (!("definition" in checked)) throw vivError("damaged", `The definition kept with the template ${name} cannot be read.`);
    const { definition } = checked;
    const layers = await templateLayers(await Machine.load(this.host, folder), definition);
    return { record, definition, source: { record, files: templateFiles(folder) }, layers };
  }

  async update(record: TemplateRecord): Promise<TemplateRecord> {
    const folder = join(this.folder, record.name);
    await writeRecord(folder, record);
    this.#templates.set(record.name, { name: record.name, folder, record });
    return record;
  }

  /** While forks of it are started it cannot go. */
  async holding<T>(id: string, work: () => Promise<T>): Promise<T> {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#held.get(id) ?? 1) - 1;
      if (left > 0) this.#held.set(id, left);
      else this.#held.delete(id);
    }
  }

  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  async rename(record: TemplateRecord, name: string): Promise<TemplateRecord> {
    await rename(join(this.folder, record.name), join(this.folder, name));
    this.#templates.delete(record.name);
    return this.update({ ...record, name });
  }

  /** Nothing runs on it: the caller has seen to that. */
  async remove(name: string): Promise<void> {
    const hidden = join(this.folder, `${hiddenPrefixes.removing}${process.pid}-${name}`);
    await rename(join(this.folder, name), hidden);
    this.#templates.delete(name);
    await rm(hidden, { recursive: true, force: true });
  }
}

export async function writeRecord(folder: string, record: TemplateRecord): Promise<void> {
  await writeFileAtomically(templateFiles(folder).record, `${JSON.stringify(record, null, 2)}\n`);
}

async function readTemplate(name: string, folder: string): Promise<Template> {
  const text = await readTextIfPresent(templateFiles(folder).record).catch(() => undefined);
  if (text === undefined) return { name, folder, problem: "template.json is missing" };
  try {
    // The folder's name is the template's, also of one that was moved by hand.
    return { name, folder, record: { ...TemplateRecord.parse(JSON.parse(text)), name } };
  } catch {
    return { name, folder, problem: "template.json cannot be read" };
  }
}
