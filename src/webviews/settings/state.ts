import type { HostReport } from "../../api/index.ts";
import { l10n } from "../ui/l10n.ts";
import { type Badge, badgeOf, takesEffectNow } from "./badges.ts";
import { wording } from "./check.ts";
import { readDefinition } from "./document.ts";
import { fieldAt } from "./fields.ts";
import { hostProblems, hostWarnings, missingChoices } from "./hostLimits.ts";
import type { DiskFact, FieldNote, FormState, PendingChange } from "./messages.ts";
import { valueAt } from "./paths.ts";
import { pendingDifferences } from "./pending.ts";
import { places } from "./places.ts";
import { words } from "./words.ts";

/** Everything the page shows, made from the text and from what vivd says. Pure. */

export interface FormFacts {
  readonly version: number;
  readonly text: string;
  /** The values of the text when it was last JSON. */
  readonly lastGood: Readonly<Record<string, unknown>> | undefined;
  readonly machine: FormState["machine"];
  /** The running guest's definition. */
  readonly running: Readonly<Record<string, unknown>> | undefined;
  readonly host: HostReport | undefined;
  readonly disks: readonly DiskFact[];
}

export function formState(facts: FormFacts): FormState {
  const { version, host, machine, disks } = facts;
  const read = readDefinition(facts.text);
  if (read.kind === "broken") {
    const sentence = l10n.t("This file is not JSON: line {0}, column {1}: {2}.", read.line, read.column, read.problem);
    const broken = { sentence, hasValues: facts.lastGood !== undefined };
    return {
      version,
      values: facts.lastGood ?? {},
      notes: {},
      otherProblems: [],
      broken,
      ...(machine ? { machine } : {}),
      pending: [],
      disks,
    };
  }
  const effective: Readonly<Record<string, unknown>> = read.definition ?? read.values;
  const live = machine?.live ?? false;
  const differences = live && facts.running ? pendingDifferences(facts.running, effective, takesEffectNow) : [];
  const pendingPaths = differences.map(({ path }) => path);
  const notes: Record<string, FieldNote> = {};
  const add = (path: string, note: FieldNote) => {
    notes[path] = { ...notes[path], ...note };
  };
  for (const { field, path } of places(read.values)) {
    const missing = field.control.kind === "choice" ? missingChoices(path, read.definition, host) : {};
    if (Object.keys(missing).length > 0) add(path, { missingChoices: missing });
    const reason = missing[String(valueAt(read.values, path))];
    const badge: Badge | undefined = reason === undefined ? badgeOf(path, { live, pendingPaths, host }) : { kind: "not-here", reason };
    if (badge) add(path, { badge });
  }
  for (const { path, message } of hostWarnings(read.values, host)) add(path, { warning: message });
  for (const { path, message } of hostProblems(read.values, host)) add(path, { problem: message });
  for (const problem of read.problems) if (fieldAt(problem.path)) add(problem.path, { problem: wording(problem, read.values) });
  const otherProblems = read.problems
    .filter(({ path }) => !fieldAt(path))
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const pending = differences.map(
    ({ path, before, after }): PendingChange => ({ path, before: words(path, before), after: words(path, after) }),
  );
  return { version, values: read.values, notes, otherProblems, ...(machine ? { machine } : {}), pending, disks };
}
