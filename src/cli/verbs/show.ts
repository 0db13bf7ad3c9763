import { machineArgument } from "../arguments.ts";
import { machineCard } from "../card.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "show",
  summary: "Show one machine in full",
  usage: "NAME",
  arguments: { name: machineArgument },
  options: {},
  examples: [
    ["viv show hello", "state, hardware, disks, forwards, readiness"],
    ["viv show hello --json | jq .readiness.agent", "milliseconds until the guest agent answered"],
  ],
  async run(work) {
    const machine = await work.call("machine.show", { machine: work.args.name });
    work.print(machine, () => machineCard(machine, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});
