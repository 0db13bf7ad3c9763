import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "guest trim",
  summary: "Give disk space back that the guest's file systems do not use",
  usage: "NAME",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv guest trim hello", "fstrim of all file systems"]],
  async run(work) {
    const { name } = work.args;
    const done = await work.call("guest.trim", { machine: name }, name);
    work.print(done, () => `${name}: trimmed${done.bytes === null ? "" : `, ${humanBytes(done.bytes)}`}\n`);
    return 0;
  },
});
