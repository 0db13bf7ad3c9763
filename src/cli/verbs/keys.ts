import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "keys",
  summary: "Press keys on the guest's keyboard",
  usage: "NAME KEYS…",
  arguments: {
    name: machineArgument,
    keys: { label: "KEYS", summary: "Combinations, pressed one after the other: ctrl-alt-delete, f2, ret", many: true },
  },
  options: {},
  examples: [
    ["viv keys hello ctrl-alt-delete", "the three-finger salute"],
    ["viv keys hello down down ret", "through a boot menu"],
  ],
  async run(work) {
    const { name, keys } = work.args;
    await work.call("machine.sendKeys", { machine: name, keys: [...keys] }, name);
    work.print({ name, keys }, () => "");
    return 0;
  },
});
