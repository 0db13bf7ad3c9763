import { findCommand } from "./command.ts";
import { type Host, signalExitCode } from "./host.ts";
import { hasFlag, type Problem, parseWords } from "./parse.ts";
import type { Verb } from "./verb.ts";
import { loaderOf, verbsUnder } from "./verbs.ts";
import { makeWork } from "./work.ts";

/** Runs one command line (without `node` and the script) and gives the exit code. Never throws. */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  const form = { json: hasFlag(argv, "--json"), verbose: hasFlag(argv, "--verbose") };
  const command = findCommand(argv);
  switch (command.kind) {
    case "problem":
      return refuse(host, command.problem, form);
    case "none":
      return withoutVerb(host, command.words);
    case "group":
      return group(host, command.name, command.words, form);
    case "verb": {
      const verb = await load(command.name);
      if (hasFlag(command.words, "--help", "-h")) return help(host, verb);
      return run(host, verb, command.words, form);
    }
  }
}

async function run(host: Host, verb: Verb, words: readonly string[], form: { json: boolean; verbose: boolean }): Promise<number> {
  const outcome = parseWords(verb, words);
  if ("problem" in outcome) return refuse(host, outcome.problem, form);
  // An option's value can read `--json`; what the parser found is what counts.
  const work = makeWork(host, verb.name, {
    json: outcome.parsed.options["json"] === true,
    verbose: outcome.parsed.options["verbose"] === true,
  });
  try {
    const code = (await verb.run(work, outcome.parsed.options, outcome.parsed.args)) ?? 0;
    return host.signal.aborted ? signalExitCode(host.signal.reason) : code;
  } catch (thrown) {
    const code = await work.report(thrown);
    return host.signal.aborted ? signalExitCode(host.signal.reason) : code;
  } finally {
    work.dispose();
  }
}

async function load(name: string): Promise<Verb> {
  const loader = loaderOf(name);
  if (loader === undefined) throw new Error(`no verb ${name}`);
  return (await loader()).verb;
}

async function help(host: Host, verb: Verb): Promise<number> {
  const { verbHelp } = await import("./help.ts");
  host.stdout.write(verbHelp(verb));
  return 0;
}

async function group(host: Host, word: string, words: readonly string[], form: { json: boolean; verbose: boolean }): Promise<number> {
  if (!hasFlag(words, "--help", "-h")) {
    return refuse(
      host,
      {
        message: `viv ${word} needs a verb.`,
        hint: `There is: ${verbsUnder(word)
          .map((name) => `viv ${name}`)
          .join(", ")}.`,
      },
      form,
    );
  }
  const { groupHelp } = await import("./help.ts");
  host.stdout.write(groupHelp(word, await Promise.all(verbsUnder(word).map(load))));
  return 0;
}

/** `viv --version`, `viv --help`; nothing at all is a usage error that shows the help. */
async function withoutVerb(host: Host, words: readonly string[]): Promise<number> {
  if (words.includes("--version"))
    return run(
      host,
      await load("version"),
      words.filter((word) => word !== "--version"),
      { json: false, verbose: false },
    );
  const [{ overview }, { loadAll }] = await Promise.all([import("./help.ts"), import("./verbs.ts")]);
  const asked = hasFlag(words, "--help", "-h");
  (asked ? host.stdout : host.stderr).write(overview(await loadAll()));
  return asked ? 0 : 2;
}

async function refuse(host: Host, problem: Problem, form: { json: boolean; verbose: boolean }): Promise<number> {
  const { reportUsage } = await import("./report.ts");
  return reportUsage(host.stderr, problem, form);
}
