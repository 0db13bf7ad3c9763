import type { Verb } from "../verb.ts";
import { argumentsOf, completionOf, firstWord, firstWords, optionsOf, secondWord } from "./words.ts";

/** The completion script for fish. */
export function fishScript(verbs: readonly Verb[]): string {
  const lines = [
    "# fish completion for viv; written by: viv completion fish",
    "function __viv_words",
    "  # the words that are no options, without viv itself",
    "  set -l words (commandline -opc)",
    "  string match -v -- '-*' $words[2..-1]",
    "end",
    "function __viv_is",
    "  set -l words (__viv_words)",
    "  test (count $words) -ge (count $argv); or return 1",
    "  for index in (seq (count $argv))",
    '    test "$words[$index]" = "$argv[$index]"; or return 1',
    "  end",
    "end",
    "complete -c viv -f",
    ...firstWords(verbs).map(
      (word) => `complete -c viv -n 'test (count (__viv_words)) -eq 0' -a ${word} -d ${quote(describe(word, verbs))}`,
    ),
    ...verbs.flatMap(linesOf),
  ];
  return `${lines.join("\n")}\n`;
}

function describe(word: string, verbs: readonly Verb[]): string {
  return (
    verbs.find((verb) => verb.name === word)?.summary ??
    verbs.flatMap((verb) => (firstWord(verb) === word ? (secondWord(verb) ?? []) : [])).join(", ")
  );
}

function linesOf(verb: Verb): string[] {
  const on = `complete -c viv -n '__viv_is ${verb.name}'`;
  const second = secondWord(verb);
  const verbLine =
    second === undefined
      ? []
      : [`complete -c viv -n '__viv_is ${firstWord(verb)}; and test (count (__viv_words)) -eq 1' -a ${second} -d ${quote(verb.summary)}`];
  const options = optionsOf(verb).map(
    ({ name, spec }) =>
      `${on} -l ${name}${spec.short === undefined ? "" : ` -s ${spec.short}`}${spec.value === undefined ? "" : ` ${value(completionOf(spec))}`} -d ${quote(spec.summary)}`,
  );
  const args = argumentsOf(verb).flatMap((spec) => {
    const words = candidates(completionOf(spec));
    return words === undefined ? [] : [`${on} ${words}`];
  });
  return [...verbLine, ...options, ...args];
}

function value(what: ReturnType<typeof completionOf>): string {
  return what === "file" || what === "folder" ? "-r -F" : `-x${candidates(what) === undefined ? "" : ` ${candidates(what)}`}`;
}

function candidates(what: ReturnType<typeof completionOf>): string | undefined {
  if (what === "machine") return "-a '(viv completion --names 2>/dev/null)'";
  if (what === "image") return "-a '(viv completion --images 2>/dev/null)'";
  if (what === "file" || what === "folder") return "-F";
  return what === "none" ? undefined : `-a ${quote(what.join(" "))}`;
}

function quote(text: string): string {
  return `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
}
