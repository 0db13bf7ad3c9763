import { machinesArgument } from "../arguments.ts";
import { forEachName } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "keep",
  summary: "Make ordinary machines of forks",
  usage: "NAME…",
  details: "A kept fork belongs to no template any more: it is listed with the others, and its files are flushed to the disk.",
  arguments: { names: machinesArgument },
  options: {},
  examples: [["viv keep web-1", "the fork web-1 is a machine like any other"]],
  run: (work) =>
    forEachName(
      work,
      work.args.names,
      (name) => work.call("fork.keep", { machine: name }),
      (name) => `${name}: kept\n`,
    ),
});
