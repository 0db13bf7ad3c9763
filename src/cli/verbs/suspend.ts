import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "suspend",
  summary: "Save memory to disk and end the process",
  usage: "NAME…",
  arguments: { names: machinesArgument },
  options: {},
  examples: [
    ["viv suspend hello", "viv resume hello wakes it"],
    ["viv suspend hello web", "both at once"],
  ],
  run: (work) => changeStates(work, work.args.names, "machine.suspend", (machine) => ({ machine })),
});
