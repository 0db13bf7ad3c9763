import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "pause",
  summary: "Freeze machines in memory",
  usage: "NAME…",
  arguments: { names: machinesArgument },
  options: {},
  examples: [
    ["viv pause hello", "its CPUs stand still"],
    ["viv pause hello web", "both at once"],
  ],
  run: (work) => changeStates(work, work.args.names, "machine.pause", (machine) => ({ machine })),
});
