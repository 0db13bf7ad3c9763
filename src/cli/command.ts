import { nearest } from "../model/index.ts";
import { commonOptions, type Problem } from "./parse.ts";
import { loaderOf, verbNames, verbsUnder } from "./verbs.ts";

/** What the first words of a command line ask for; `words` are the rest. */
export type Command =
  | { readonly kind: "verb"; readonly name: string; readonly words: readonly string[] }
  | { readonly kind: "group"; readonly name: string; readonly words: readonly string[] }
  | { readonly kind: "none"; readonly words: readonly string[] }
  | { readonly kind: "problem"; readonly problem: Problem };

/** Finds the verb. Options every verb has may stand before it: `viv --json ls`. */
export function findCommand(argv: readonly string[]): Command {
  const before = leadingOptions(argv);
  if ("kind" in before) return before;
  const [first, second, ...rest] = argv.slice(before.count);
  const leading = argv.slice(0, before.count);
  if (first === undefined || first === "--") return { kind: "none", words: leading };
  if (second !== undefined && loaderOf(`${first} ${second}`))
    return { kind: "verb", name: `${first} ${second}`, words: [...leading, ...rest] };
  const words = [...leading, ...(second === undefined ? [] : [second, ...rest])];
  if (loaderOf(first)) return { kind: "verb", name: first, words };
  const under = verbsUnder(first);
  if (under.length === 0) return { kind: "problem", problem: unknownVerb(first) };
  if (second === undefined || second.startsWith("-")) return { kind: "group", name: first, words };
  return { kind: "problem", problem: unknownInGroup(first, second, under) };
}

function leadingOptions(argv: readonly string[]): { count: number } | Command {
  const known = ["--version", "-h", ...Object.keys(commonOptions).map((name) => `--${name}`)];
  let count = 0;
  for (const word of argv) {
    if (!word.startsWith("-") || word === "--") break;
    if (!known.includes(word)) {
      const meant = nearest(word.replace(/^-+/, ""), Object.keys(commonOptions));
      return {
        kind: "problem",
        problem: {
          message: `viv has no option ${word}.`,
          hint: meant ? `Did you mean --${meant}?` : "A verb's options come after the verb; see viv help.",
        },
      };
    }
    count += 1;
  }
  return { count };
}

function unknownVerb(word: string): Problem {
  const firstWords = new Set(verbNames.map((name) => name.split(" ")[0] ?? name));
  const meant = nearest(word, firstWords);
  return { message: `viv has no verb ${JSON.stringify(word)}.`, hint: meant ? `Did you mean viv ${meant}?` : "viv help lists the verbs." };
}

function unknownInGroup(first: string, second: string, under: readonly string[]): Problem {
  const meant = nearest(
    second,
    under.map((name) => name.slice(first.length + 1)),
  );
  return {
    message: `viv ${first} has no verb ${JSON.stringify(second)}.`,
    hint: meant ? `Did you mean viv ${first} ${meant}?` : `There is: ${under.map((name) => `viv ${name}`).join(", ")}.`,
  };
}
