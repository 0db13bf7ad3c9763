import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "rename",
  summary: "Rename a stopped machine",
  usage: "OLD NEW",
  arguments: {
    name: { ...machineArgument, label: "OLD" },
    newName: { label: "NEW", summary: "The new name: a lower-case letter, then up to 40 of a-z, 0-9 and -" },
  },
  options: {},
  examples: [["viv rename hello web", "hello is called web from now on"]],
  async run(work) {
    const { name, newName } = work.args;
    const machine = await work.call("machine.rename", { machine: name, name: newName }, name);
    work.print(machine, () => `${name} is now ${machine.name}\n`);
    return 0;
  },
});
