import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "start",
  summary: "Start machines; wake suspended ones",
  usage: "NAME…",
  arguments: { names: machinesArgument },
  options: {},
  examples: [
    ["viv start hello", "boots it; one that runs is reported as it is"],
    ["viv start hello web", "both at once"],
  ],
  run: (work) => changeStates(work, work.args.names, "machine.start", (machine) => ({ machine })),
});
