import { vivError } from "../../model/index.ts";
import { findCommand } from "../command.ts";
import { groupHelp, overview, verbHelp } from "../help.ts";
import { defineVerb, type Verb } from "../verb.ts";
import { loadAll, loaderOf, verbsUnder } from "../verbs.ts";

export const verb = defineVerb({
  name: "help",
  summary: "Explain viv, or one verb",
  usage: "[VERB]",
  arguments: { verb: { label: "VERB", summary: "The verb: start, or two words such as trash ls", many: true, optional: true } },
  options: {},
  examples: [["viv help exec", "the same as viv exec --help"]],
  async run(work) {
    const words = work.args.verb;
    const text = words.length === 0 ? overview(await loadAll()) : await about(words);
    work.print({ help: text }, () => text);
    return 0;
  },
});

async function about(words: readonly string[]): Promise<string> {
  const command = findCommand(words);
  if (command.kind === "problem") throw vivError("usage", command.problem.message, command.problem.hint);
  if (command.kind === "none") return overview(await loadAll());
  if (command.kind === "group") return groupHelp(command.name, await Promise.all(verbsUnder(command.name).map(load)));
  return verbHelp(await load(command.name));
}

async function load(name: string): Promise<Verb> {
  const loader = loaderOf(name);
  if (loader === undefined) throw vivError("usage", `viv has no verb ${JSON.stringify(name)}.`, "viv help lists the verbs.");
  return (await loader()).verb;
}
