import { machineArgument } from "../arguments.ts";
import { diskTable } from "../disks.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "disk ls",
  summary: "List a machine's disks, layer by layer, and what they take on this host",
  usage: "NAME",
  details: "SHARED is what images and linked clones use too. RECLAIMABLE is what viv disk compact would give back at least.",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv disk ls hello", "sizes, layers, limits"]],
  async run(work) {
    const disks = await work.call("disk.list", { machine: work.args.name });
    work.print(disks, () =>
      disks.length === 0 ? `${work.args.name} has no disks.\n` : diskTable(disks, styleFor(work.host.stdout, work.host.environment)),
    );
    return 0;
  },
});
