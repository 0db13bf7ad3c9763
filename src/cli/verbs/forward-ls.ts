import { machineArgument } from "../arguments.ts";
import { forwardLine } from "../forward.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "forward ls",
  summary: "List a machine's forwards: open ones, and those of its next start",
  usage: "NAME",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv forward ls web", "one line each: address here, port of the guest"]],
  async run(work) {
    const forwards = await work.call("forward.list", { machine: work.args.name });
    work.print(forwards, () => (forwards.length === 0 ? `${work.args.name} has no forwards.\n` : forwards.map(forwardLine).join("")));
    return 0;
  },
});
