import { commonOptions } from "./parse.ts";
import type { OptionSpec, Verb } from "./verb.ts";
import type { LoadedGroup } from "./verbs.ts";

export function overview(groups: readonly LoadedGroup[]): string {
  const width = Math.max(...groups.flatMap((group) => group.verbs.map((verb) => verb.name.length)));
  const parts = groups.map(
    (group) => `${group.title}:\n${group.verbs.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}\n`).join("")}`,
  );
  return [
    "viv: virtual machines from the terminal\n",
    "Usage: viv VERB [OPTION]… [NAME]…\n",
    ...parts,
    `Every verb:\n${lines(Object.entries(commonOptions).map(([name, spec]) => [optionLabel(name, spec), spec.summary]))}`,
    "viv VERB --help shows a verb's options with examples. Words after -- are never options.\nExit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 wrong state or locked, 5 this host cannot;\nexec, ssh and test give the command's own.\n",
  ].join("\n");
}

export function verbHelp(verb: Verb): string {
  const args = Object.values(verb.arguments).map((spec): [string, string] => [spec.label, withChoices(spec.summary, spec.choices)]);
  const options = Object.entries({ ...verb.options, ...commonOptions }).map(([name, spec]): [string, string] => [
    optionLabel(name, spec),
    withChoices(spec.summary, spec.choices),
  ]);
  return [
    `${verb.summary}\n`,
    `Usage: viv ${`${verb.name} ${verb.usage}`.trimEnd()}\n`,
    ...(verb.details === undefined ? [] : [`${wrap(verb.details, 96)}\n`]),
    ...(args.length > 0 ? [`Arguments:\n${lines(args)}`] : []),
    `Options:\n${lines(options)}`,
    ...(verb.examples.length > 0 ? [`Examples:\n${lines(verb.examples)}`] : []),
  ].join("\n");
}

/** Help of a first word that is no verb itself: `viv trash`. */
export function groupHelp(word: string, verbs: readonly Verb[]): string {
  return `Usage: viv ${word} VERB\n\n${lines(verbs.map((verb) => [`viv ${verb.name} ${verb.usage}`.trimEnd(), verb.summary]))}`;
}

function optionLabel(name: string, spec: OptionSpec): string {
  const long = `--${name}${spec.value === undefined ? "" : ` ${spec.value}`}${spec.many ? "…" : ""}`;
  return spec.short === undefined ? long : `-${spec.short}, ${long}`;
}

function withChoices(summary: string, choices: readonly string[] | undefined): string {
  return choices ? `${summary}: ${choices.join(", ")}` : summary;
}

function lines(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([label]) => label.length));
  return pairs.map(([label, text]) => `  ${label.padEnd(width)}  ${text}\n`).join("");
}

function wrap(text: string, width: number): string {
  const out: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        out.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    out.push(line);
  }
  return out.join("\n");
}
