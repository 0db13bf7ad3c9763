import type { Machine } from "../../machine/index.ts";
import { requireMachineName, type TemplateRecord, vivError } from "../../model/index.ts";
import { freedByRemoving } from "../transfer/freed.ts";
import type { Template, TemplateStore } from "./store.ts";

/** Machines that came from a template and are not kept. */
export function forksOf(record: Pick<TemplateRecord, "id">, machines: readonly Machine[]): Machine[] {
  return machines.filter(({ state }) => state.fork?.template === record.id || state.run?.template === record.id);
}

/** Those that map its memory, kept ones too. */
export function runningOn(record: Pick<TemplateRecord, "id">, machines: readonly Machine[]): Machine[] {
  return machines.filter(({ state }) => state.run?.template === record.id);
}

/** Bytes of the host that come free with a template: layers that others share stay. */
export function templateBytes(template: Template): Promise<number> {
  return freedByRemoving(template.folder);
}

/** @throws VivError `wrong-state` while a fork runs on it, or is being started */
export async function removeTemplate(template: Template, store: TemplateStore, machines: readonly Machine[]): Promise<number> {
  const { name, record } = template;
  const live = record ? runningOn(record, machines) : [];
  if (live.length > 0 || (record && store.isHeld(record.id)))
    throw vivError(
      "wrong-state",
      live.length > 0
        ? `${live.length === 1 ? `${live[0]?.name} runs` : `${live.length} machines run`} on the template ${name}: its memory is theirs.`
        : `A fork of the template ${name} is being started.`,
      live.length > 0
        ? `Stop them first: viv stop ${live
            .map((machine) => machine.name)
            .slice(0, 8)
            .join(" ")}`
        : "Wait for it.",
    );
  const freed = await templateBytes(template);
  await store.remove(name);
  return freed;
}

/** @throws VivError `exists`, `invalid-name` */
export async function editTemplate(
  record: TemplateRecord,
  { name, note }: { readonly name?: string | undefined; readonly note?: string | undefined },
  store: TemplateStore,
): Promise<TemplateRecord> {
  const { note: before, ...rest } = record;
  const kept = note ?? before;
  // A template that somebody named is no more one that was made on the way.
  const changed: TemplateRecord = { ...rest, ...(kept ? { note: kept } : {}), ...(name === undefined ? {} : { implicit: false }) };
  if (name === undefined || name === record.name) return store.update(changed);
  requireMachineName(name);
  if (store.has(name)) throw vivError("exists", `There is a template ${name} already.`, "Choose another name.");
  return store.rename(changed, name);
}

/** Templates made on the way may take this much of the disk; the setting is vivd's environment. */
const defaultBudgetBytes = 20 * 1024 ** 3;

export function budgetBytes(environment: NodeJS.ProcessEnv = process.env): number {
  const given = Number(environment["VIVARIUM_TEMPLATE_BUDGET_BYTES"]);
  return given > 0 ? given : defaultBudgetBytes;
}

/** Makes room: those nobody runs on go, the one used longest ago first. */
export async function keepBudget(store: TemplateStore, machines: readonly Machine[], budget = budgetBytes()): Promise<string[]> {
  const implicit = store.all.flatMap((template) => (template.record?.implicit ? [{ template, record: template.record }] : []));
  const sized = await Promise.all(implicit.map(async (each) => ({ ...each, bytes: await templateBytes(each.template) })));
  let total = sized.reduce((sum, { bytes }) => sum + bytes, 0);
  const gone: string[] = [];
  for (const { template, record, bytes } of sized.sort((a, b) => a.record.lastUsedAt.localeCompare(b.record.lastUsedAt))) {
    if (total <= budget) break;
    if (runningOn(record, machines).length > 0 || store.isHeld(record.id)) continue;
    await store.remove(template.name);
    total -= bytes;
    gone.push(template.name);
  }
  return gone;
}
