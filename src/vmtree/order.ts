import type { MachineSummary } from "../api/index.ts";

/** Which machines are shown and under which group; pure. */

/** Does every word of the filter occur in what can be seen of the machine? */
export function matches(machine: MachineSummary, filter: string): boolean {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return true;
  const text = [machine.name, machine.group, machine.image, machine.state, machine.accelerator, machine.architecture]
    .join(" ")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

export interface Arrangement {
  /** In alphabetical order. */
  readonly groups: readonly string[];
  readonly ungrouped: readonly MachineSummary[];
  membersOf(group: string): readonly MachineSummary[];
  readonly shown: number;
}

// One collator for all: localeCompare makes one for each call, which a thousand machines feel.
const collator = new Intl.Collator(undefined, { numeric: true });

export function arrange(machines: readonly MachineSummary[], filter: string): Arrangement {
  const shown = machines.filter((machine) => matches(machine, filter)).sort((left, right) => collator.compare(left.name, right.name));
  const byGroup = new Map<string, MachineSummary[]>();
  const ungrouped: MachineSummary[] = [];
  for (const machine of shown) {
    const group = machine.group?.trim();
    if (group === undefined || group === "") ungrouped.push(machine);
    else if (byGroup.get(group)?.push(machine) === undefined) byGroup.set(group, [machine]);
  }
  const groups = [...byGroup.keys()].sort(collator.compare);
  return { groups, ungrouped, membersOf: (group) => byGroup.get(group) ?? [], shown: shown.length };
}
