import type { MachineDetails, MachineUsage } from "../../api/index.ts";
import { machineArgument } from "../arguments.ts";
import { machineCard } from "../card.ts";
import { styleFor } from "../style.ts";
import { defineVerb, type Work } from "../verb.ts";

export const verb = defineVerb({
  name: "show",
  summary: "Show one machine in full",
  usage: "NAME [--usage]",
  arguments: { name: machineArgument },
  options: { usage: { summary: "Measure its processor and memory for half a second" } },
  examples: [
    ["viv show hello", "state, hardware, disks, forwards, readiness"],
    ["viv show hello --usage", "and what it costs the host at this moment"],
    ["viv show hello --json | jq .readiness.agent", "milliseconds until the guest agent answered"],
  ],
  async run(work) {
    const machine = await work.call("machine.show", { machine: work.args.name });
    const usage = work.options.usage ? await usageOf(work, machine) : undefined;
    work.print(usage === undefined ? machine : { ...machine, usage }, () =>
      machineCard(machine, styleFor(work.host.stdout, work.host.environment), usage ?? undefined),
    );
    return 0;
  },
});

/** null for a machine without a process. */
async function usageOf(work: Work, { id, pid }: MachineDetails): Promise<MachineUsage | null> {
  return pid === null ? null : work.call("machine.usage", { machine: id });
}
