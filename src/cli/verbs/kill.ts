import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "kill",
  summary: "End machines at once, as if the plug were pulled",
  usage: "NAME…",
  arguments: { names: machinesArgument },
  options: {},
  examples: [
    ["viv kill hello", "nothing is asked of the guest"],
    ["viv kill hello web", "both at once"],
  ],
  run: (work) => changeStates(work, work.args.names, "machine.kill", (machine) => ({ machine })),
});
