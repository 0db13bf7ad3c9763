import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "guest thaw",
  summary: "Let the guest's file systems go on",
  usage: "NAME",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv guest thaw hello", "after viv guest freeze"]],
  async run(work) {
    const { name } = work.args;
    const done = await work.call("guest.thaw", { machine: name }, name);
    work.print(done, () => `${name}: ${done.thawed ? "its file systems go on" : "nothing was frozen any more"}\n`);
    return 0;
  },
});
