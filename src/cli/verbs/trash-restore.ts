import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "trash restore",
  summary: "Bring a removed machine back",
  usage: "NAME",
  arguments: { name: { label: "NAME", summary: "Its name (the newest of that name) or its id in the trash" } },
  options: {},
  examples: [["viv trash restore hello", "the same as viv rm hello --undo"]],
  async run(work) {
    const machine = await work.call("machine.restoreRemoved", { machine: work.args.name }, work.args.name);
    work.print(machine, () => `${machine.name}: back from the trash\n`);
    return 0;
  },
});
