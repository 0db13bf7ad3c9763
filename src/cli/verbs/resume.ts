import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "resume",
  summary: "Continue paused machines, wake suspended ones",
  usage: "NAME…",
  arguments: { names: machinesArgument },
  options: {},
  examples: [
    ["viv resume hello", "it goes on where it was"],
    ["viv resume hello web", "both at once"],
  ],
  run: (work) => changeStates(work, work.args.names, "machine.resume", (machine) => ({ machine })),
});
