import { machineArgument } from "../arguments.ts";
import { tagArgument } from "../shares.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "share rm",
  summary: "Take a shared folder away from a machine; the folder itself stays",
  usage: "NAME TAG",
  details: "A running guest must let go of it: programs that use it are named.",
  arguments: { name: machineArgument, tag: tagArgument },
  options: {},
  examples: [["viv share rm hello src", "unmounted, and out of vm.json"]],
  async run(work) {
    const { name, tag } = work.args;
    work.print(await work.call("share.remove", { machine: name, tag }, name), () => `${tag}: no longer shared\n`);
    return 0;
  },
});
