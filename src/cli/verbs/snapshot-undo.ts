import { machineArgument } from "../arguments.ts";
import { tagArgument } from "../snapshots.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot undo",
  summary: "Bring a removed snapshot back",
  usage: "NAME TAG",
  arguments: { name: machineArgument, tag: tagArgument },
  options: {},
  examples: [["viv snapshot undo hello s1", "after viv snapshot rm hello s1"]],
  async run(work) {
    const { name, tag } = work.args;
    const view = await work.call("snapshot.restoreRemoved", { machine: name, snapshot: tag }, name);
    work.print(view, () => `${name}: ${view.name} is back\n`);
    return 0;
  },
});
