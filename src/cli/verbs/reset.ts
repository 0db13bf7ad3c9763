import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "reset",
  summary: "Press the reset button",
  usage: "NAME…",
  arguments: { names: machinesArgument },
  options: {},
  examples: [
    ["viv reset hello", "the guest boots anew, the process stays"],
    ["viv reset hello web", "both at once"],
  ],
  run: (work) => changeStates(work, work.args.names, "machine.reset", (machine) => ({ machine })),
});
