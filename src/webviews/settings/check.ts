import type { HostReport } from "../../api/index.ts";
import { type DefinitionProblem, parseBytes } from "../../model/index.ts";
import { l10n } from "../ui/l10n.ts";
import { readDefinition } from "./document.ts";
import { editText, type ValueEdit } from "./edits.ts";
import { type Field, fieldAt } from "./fields.ts";
import { hostProblems } from "./hostLimits.ts";
import { isAtOrBelow, valueAt } from "./paths.ts";

/** Whether what stands in the fields may become the document's text. Nothing absurd is written. */

/** What a control holds: texts as typed, ticks, and lists of the order control. */
export type Input = string | boolean | readonly string[];

export interface FieldInput {
  readonly path: string;
  readonly input: Input;
}

export type Checked = { readonly text: string } | { readonly problems: Readonly<Record<string, string>> };

/** Puts inputs into the text, when everything about them is right; otherwise says what is wrong at which field. */
export function checkInputs(text: string, inputs: readonly FieldInput[], host: HostReport | undefined): Checked {
  const problems: Record<string, string> = {};
  const edits: ValueEdit[] = [];
  for (const { path, input } of inputs) {
    const parsed = parseInput(path, input);
    if ("problem" in parsed) problems[path] = parsed.problem;
    else edits.push({ path, value: parsed.value });
  }
  if (Object.keys(problems).length > 0) return { problems };
  return checkEdits(text, edits, host);
}

/** The same for values that no person typed (a forward added, an adapter removed). */
export function checkEdits(text: string, edits: readonly ValueEdit[], host: HostReport | undefined): Checked {
  const before = readDefinition(text);
  if (before.kind === "broken") return { problems: {} };
  const changed = editText(text, withFollowers(before.values, edits));
  const after = readDefinition(changed);
  if (after.kind === "broken") return { problems: Object.fromEntries(edits.map(({ path }) => [path, l10n.t("This cannot be written.")])) };
  const known = new Set(before.problems.map(({ path, message }) => `${path}\n${message}`));
  const fresh = after.problems.filter(
    ({ path, message }) => !known.has(`${path}\n${message}`) || edits.some((edit) => isAtOrBelow(path, edit.path)),
  );
  const limits = hostProblems(after.values, host).filter(({ path }) => edits.some((edit) => edit.path === path));
  const problems = Object.fromEntries([
    ...limits.map(({ path, message }) => [path, message]),
    ...fresh.map((problem) => [problem.path, wording(problem, after.values)]),
  ]);
  return Object.keys(problems).length > 0 ? { problems } : { text: changed };
}

/** Another kind of firmware or network has other keys: those of the old kind go with it. So does what holds the last limit. */
function withFollowers(values: unknown, edits: readonly ValueEdit[]): ValueEdit[] {
  const kept = new Set(edits.map(({ path }) => path));
  const gone = (paths: readonly string[]) =>
    paths.filter((path) => !kept.has(path) && valueAt(values, path) !== undefined).map((path) => ({ path, value: undefined }));
  return edits.flatMap((edit) => {
    if (edit.path === "firmware.type" && edit.value !== "direct-kernel") {
      return [...gone(["firmware.kernel", "firmware.initrd", "firmware.append"]), edit];
    }
    const limits = edit.value === undefined ? /^disks\.\d+\.limits(?=\.)/.exec(edit.path)?.[0] : undefined;
    if (limits !== undefined && Object.keys(Object(valueAt(values, limits))).every((key) => edit.path === `${limits}.${key}`))
      return [{ path: limits, value: undefined }];
    const adapter = /^networks\.\d+(?=\.mode$)/.exec(edit.path)?.[0];
    if (adapter !== undefined) {
      const left = [...(edit.value === "nat" ? [] : ["forwards", "netboot"]), ...(edit.value === "segment" ? [] : ["network"])];
      const network =
        edit.value === "segment" && valueAt(values, `${adapter}.network`) === undefined
          ? [{ path: `${adapter}.network`, value: "lab" }]
          : [];
      return [...gone(left.map((key) => `${adapter}.${key}`)), edit, ...network];
    }
    return [edit];
  });
}

export function parseInput(path: string, input: Input): { value: unknown } | { problem: string } {
  const field = fieldAt(path);
  if (!field || field.control.kind === "fact") return { problem: l10n.t("This cannot be changed here.") };
  if (typeof input !== "string") return { value: input };
  const text = field.control.kind === "text" && field.control.lines ? input : input.trim();
  if (text === "" && (field.optional || typeof field.fallback === "string")) return { value: field.fallback };
  if (text === "") return { problem: l10n.t("A value is needed.") };
  switch (field.control.kind) {
    case "number":
      return /^\d{1,15}$/.test(text) ? { value: Number(text) } : { problem: rule(field) };
    case "size":
      return parseBytes(text) === undefined ? { problem: rule(field) } : { value: text };
    case "rate": {
      const bytes = parseBytes(text);
      return bytes === undefined || bytes > field.control.maximum ? { problem: rule(field) } : { value: bytes };
    }
    default:
      return { value: text };
  }
}

/** The model's problem in the words of the field: its range or rule, else the model's own sentence. */
export function wording({ path, message }: DefinitionProblem, values: unknown): string {
  const field = fieldAt(path);
  if (field && valueAt(values, path) === undefined && !field.optional) return l10n.t("A value is needed.");
  if (
    field &&
    (field.control.kind === "number" || field.control.kind === "rate" || field.control.kind === "choice" || field.control.kind === "toggle")
  )
    return rule(field);
  if (field?.control.kind === "text" && field.control.rule !== undefined && !message.startsWith("is used by"))
    return l10n.t(field.control.rule);
  return sentence(message);
}

function rule({ control }: Field): string {
  switch (control.kind) {
    case "number":
      return l10n.t("A whole number from {0} to {1}.", control.minimum, control.maximum);
    case "size":
      return l10n.t("A size such as 512M or 4G.");
    case "rate":
      return l10n.t("Bytes a second, such as 512K or 20M; empty for no limit.");
    case "choice":
      return l10n.t("One of: {0}.", control.choices.map(({ value }) => value).join(", "));
    case "toggle":
      return l10n.t("Must be true or false.");
    case "text":
      return control.rule === undefined ? l10n.t("This text cannot be used.") : l10n.t(control.rule);
    default:
      return l10n.t("This value cannot be used.");
  }
}

function sentence(message: string): string {
  const [first = "", ...rest] = message;
  return `${first.toUpperCase()}${rest.join("")}${/[.!?]$/.test(message) ? "" : "."}`;
}
