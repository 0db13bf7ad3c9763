import { checkDefinition, type Definition, type Difference, describeProblems, differences, vivError } from "../model/index.ts";
import { editDefinition, parseAssignment, parseDefinition } from "./folder.ts";
import type { Machine } from "./machine.ts";
import { writeFileAtomically } from "./storage.ts";

/** What nobody may change: the guest and our own records know the machine by them. */
const fixedKeys = ["id", "schema", "architecture"] as const;

/** Changes vm.json by `KEY=VALUE`; comments stay. A running machine has the change at its next start. */
export async function setValues(machine: Machine, assignments: readonly string[]): Promise<void> {
  await machine.refreshDefinition();
  const text = machine.definitionText;
  if (text === undefined || machine.damage)
    throw vivError("damaged", `${machine.name}: ${machine.damage?.problem ?? "vm.json is missing"}.`, machine.damage?.hint);
  const edits = assignments.map(parseAssignment);
  const named = edits.find((edit) => edit.path[0] === "name");
  if (named)
    throw vivError("usage", "A machine's name is not set, it is renamed.", `Run: viv rename ${machine.name} ${String(named.value)}`);
  await replaceDefinition(machine, editDefinition(text, edits));
}

/** Replaces the whole text, after the same checks. The old file stays when the new one is refused. */
export async function replaceDefinition(machine: Machine, text: string): Promise<void> {
  const parsed = parseDefinition(text);
  if ("problem" in parsed) throw vivError("invalid-definition", `vm.json: ${parsed.problem}.`, "Nothing was changed.");
  requireUnchanged(machine, parsed.definition);
  await writeFileAtomically(machine.paths.definition, text.endsWith("\n") ? text : `${text}\n`, { durable: true });
  await machine.reloadDefinition();
}

/** The folder's name is the truth: a rename that broke off before or after moving it leaves vm.json with the other one. */
export async function nameAsFolder(machine: Machine): Promise<void> {
  await machine.reloadDefinition();
  const { definition, definitionText } = machine;
  if (!definition || definitionText === undefined || definition.name === machine.name) return;
  await writeFileAtomically(machine.paths.definition, editDefinition(definitionText, [{ path: ["name"], value: machine.name }]), {
    durable: true,
  });
  await machine.reloadDefinition();
}

function requireUnchanged(machine: Machine, next: Definition): void {
  const current = machine.definition;
  if (!current) return;
  const problems = [...fixedKeys, "name" as const]
    .filter((key) => next[key] !== current[key])
    .map((key) => ({ path: key, message: "cannot be changed" }));
  if (problems.length > 0) throw vivError("invalid-definition", `vm.json: ${describeProblems(problems)}.`, "Nothing was changed.");
}

/** Keys of vm.json that the guest has no part in: they apply at once. */
const appliedAtOnce = new Set(["$schema", "group", "note", "onHostShutdown", "probes", "firstBoot"]);

/** What vm.json says otherwise than the running guest has it. */
export function pendingChanges(machine: Machine): Difference[] {
  const running = runningDefinition(machine);
  const next = machine.definition;
  return running && next ? differences(running, next).filter(({ path }) => !appliedAtOnce.has(path.split(/[.[]/)[0] ?? path)) : [];
}

/** What the running guest was started with; a record of an older vivd gets the defaults of keys that are newer. */
export function runningDefinition(machine: Machine): Definition | undefined {
  const recorded = machine.state.run?.definition;
  if (recorded === undefined) return undefined;
  const checked = checkDefinition(recorded);
  return "definition" in checked ? checked.definition : machine.effectiveDefinition;
}
