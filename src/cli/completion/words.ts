import { commonOptions } from "../parse.ts";
import type { ArgumentSpec, Completion, OptionSpec, Verb } from "../verb.ts";

/** What the three generators share: the tables read as words. */

export interface NamedOption {
  readonly name: string;
  readonly spec: OptionSpec;
}

export function optionsOf(verb: Verb): NamedOption[] {
  return Object.entries({ ...verb.options, ...commonOptions }).map(([name, spec]) => ({ name, spec }));
}

export function flagsOf({ name, spec }: NamedOption): string[] {
  return spec.short === undefined ? [`--${name}`] : [`--${name}`, `-${spec.short}`];
}

export function argumentsOf(verb: Verb): ArgumentSpec[] {
  return Object.values(verb.arguments);
}

/** First words, each once, in the table's order. */
export function firstWords(verbs: readonly Verb[]): string[] {
  return [...new Set(verbs.map((verb) => firstWord(verb)))];
}

export function firstWord(verb: Verb): string {
  return verb.name.split(" ")[0] ?? verb.name;
}

export function secondWord(verb: Verb): string | undefined {
  return verb.name.split(" ")[1];
}

/** First words that need a second: `trash`, `image`, `daemon`. */
export function groupWords(verbs: readonly Verb[]): string[] {
  return [...new Set(verbs.filter((verb) => secondWord(verb) !== undefined).map(firstWord))];
}

export function completionOf(spec: {
  readonly completes?: Completion;
  readonly choices?: readonly string[];
  readonly suggestions?: readonly string[];
}): Completion | readonly string[] {
  return spec.choices ?? spec.suggestions ?? spec.completes ?? "none";
}
