import { parseArgs } from "node:util";
import { nearest } from "../model/index.ts";
import type { ArgumentTable, OptionSpec, OptionTable, ParsedValues, Verb } from "./verb.ts";

/** Options every verb has. */
export const commonOptions: OptionTable = {
  json: { summary: "Print one JSON value" },
  verbose: { summary: "Say more: progress line by line, causes of errors" },
  help: { summary: "Show this help", short: "h" },
};

/** Why a command line was refused; it becomes a `usage` error. */
export interface Problem {
  readonly message: string;
  readonly hint: string;
}

export interface Parsed {
  readonly options: ParsedValues;
  readonly args: ParsedValues;
}

/** Words after the verb → values by the verb's tables. Words after `--` are never options. */
export function parseWords(verb: Verb, words: readonly string[]): { parsed: Parsed } | { problem: Problem } {
  const specs: OptionTable = { ...verb.options, ...commonOptions };
  const given = readTokens(verb, words, specs);
  if ("problem" in given) return given;
  const args = assignArguments(verb, given.positionals);
  if ("problem" in args) return args;
  return { parsed: { options: given.options, args: args.values } };
}

/** Whether an option stands among the words, before any `--`. */
export function hasFlag(words: readonly string[], ...flags: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).some((word) => flags.includes(word));
}

function readTokens(
  verb: Verb,
  words: readonly string[],
  specs: OptionTable,
): { options: ParsedValues; positionals: string[] } | { problem: Problem } {
  const options: Record<string, boolean | string | string[] | undefined> = {};
  for (const [name, spec] of Object.entries(specs)) options[name] = spec.value === undefined ? false : spec.many ? [] : undefined;
  const positionals: string[] = [];
  const { tokens } = parseArgs({ args: [...words], options: parserOptions(specs), strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined) return { problem: unknownOption(verb, token.rawName, specs) };
    const problem = valueProblem(verb, token.rawName, spec, token.value, token.inlineValue === true);
    if (problem) return { problem };
    const before = options[token.name];
    options[token.name] = token.value === undefined ? true : Array.isArray(before) ? [...before, token.value] : token.value;
  }
  return { options, positionals };
}

function parserOptions(specs: OptionTable) {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      {
        type: spec.value === undefined ? ("boolean" as const) : ("string" as const),
        ...(spec.short === undefined ? {} : { short: spec.short }),
      },
    ]),
  );
}

function unknownOption(verb: Verb, rawName: string, specs: OptionTable): Problem {
  const meant = nearest(rawName.replace(/^-+/, ""), Object.keys(specs));
  const takesCommand = Object.values(verb.arguments).some((argument) => argument.label === "CMD");
  const hint = meant
    ? `Did you mean --${meant}?`
    : takesCommand
      ? `What belongs to the guest's command comes after --: viv ${verb.name} ${verb.usage}`
      : `See viv ${verb.name} --help. A word that begins with a dash goes after --.`;
  return { message: `viv ${verb.name} has no option ${rawName}.`, hint };
}

function valueProblem(verb: Verb, rawName: string, spec: OptionSpec, value: string | undefined, inline: boolean): Problem | undefined {
  const help = `See viv ${verb.name} --help.`;
  if (spec.value === undefined) return value === undefined ? undefined : { message: `${rawName} takes no value.`, hint: help };
  // `--timeout --json`: the parser would take the next option as the value.
  if (value === undefined || (!inline && value.length > 1 && value.startsWith("-"))) {
    return {
      message: `${rawName} needs a value: ${rawName} ${spec.value}.`,
      hint: `A value that begins with a dash is written ${rawName}=-…`,
    };
  }
  if (spec.choices && !spec.choices.includes(value)) {
    return { message: `${rawName}: ${JSON.stringify(value)} is not one of ${spec.choices.join(", ")}.`, hint: help };
  }
  return undefined;
}

function assignArguments(verb: Verb, words: readonly string[]): { values: ParsedValues } | { problem: Problem } {
  const usage = `Usage: viv ${`${verb.name} ${verb.usage}`.trimEnd()}`;
  const values: Record<string, string | readonly string[] | undefined> = {};
  const rest = [...words];
  for (const [key, spec] of Object.entries(verb.arguments satisfies ArgumentTable)) {
    const taken = spec.many ? rest.splice(0) : rest.splice(0, 1);
    if (taken.length === 0 && !spec.optional) return { problem: { message: `${spec.label} is missing.`, hint: usage } };
    if (taken.includes("") && spec.completes === "machine") return { problem: { message: `${spec.label} is empty.`, hint: usage } };
    const odd = spec.choices && taken.find((word) => !spec.choices?.includes(word));
    if (odd !== undefined)
      return { problem: { message: `${spec.label}: ${JSON.stringify(odd)} is not one of ${spec.choices?.join(", ")}.`, hint: usage } };
    values[key] = spec.many ? taken : taken[0];
  }
  if (rest.length > 0) return { problem: { message: `${JSON.stringify(rest[0])} is one word too many.`, hint: usage } };
  return { values };
}
