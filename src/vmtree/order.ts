import type { MachineSummary, TemplateView } from "../api/index.ts";

/** Which machines are shown and under which group; pure. */

/** Does every word of the filter occur in what can be seen of the machine? */
export function matches(machine: MachineSummary, filter: string): boolean {
  const { name, group, fork, image, state, accelerator, architecture } = machine;
  return matchesWords([name, group, fork?.templateName, image, state, accelerator, architecture].join(" "), filter);
}

function matchesWords(text: string, filter: string): boolean {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return true;
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

export interface Arrangement {
  /** In alphabetical order. */
  readonly groups: readonly string[];
  readonly ungrouped: readonly MachineSummary[];
  membersOf(group: string): readonly MachineSummary[];
  /** Ids of templates, by name. */
  readonly templates: readonly string[];
  /** Those that stand below their template: a fork in a group stands there. */
  forksOf(template: string): readonly MachineSummary[];
  readonly shown: number;
}

// One collator for all: localeCompare makes one for each call, which a thousand machines feel.
const collator = new Intl.Collator(undefined, { numeric: true });

type Named = Pick<TemplateView, "id" | "name">;

export function arrange(machines: readonly MachineSummary[], filter: string, templates: readonly Named[] = []): Arrangement {
  const shown = machines.filter((machine) => matches(machine, filter)).sort((left, right) => collator.compare(left.name, right.name));
  const byTemplate = new Map(templates.map(({ id }): [string, MachineSummary[]] => [id, []]));
  const byGroup = new Map<string, MachineSummary[]>();
  const ungrouped: MachineSummary[] = [];
  for (const machine of shown) {
    const group = machine.group?.trim();
    const forks = machine.fork && byTemplate.get(machine.fork.template);
    if (group === undefined || group === "") (forks ?? ungrouped).push(machine);
    else if (byGroup.get(group)?.push(machine) === undefined) byGroup.set(group, [machine]);
  }
  const groups = [...byGroup.keys()].sort(collator.compare);
  const forksOf = (template: string): readonly MachineSummary[] => byTemplate.get(template) ?? [];
  const shownTemplates = templates
    .filter(({ id, name }) => forksOf(id).length > 0 || matchesWords(name, filter))
    .sort((left, right) => collator.compare(left.name, right.name))
    .map(({ id }) => id);
  return { groups, ungrouped, membersOf: (group) => byGroup.get(group) ?? [], templates: shownTemplates, forksOf, shown: shown.length };
}
