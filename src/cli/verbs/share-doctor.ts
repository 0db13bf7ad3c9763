import { machineArgument } from "../arguments.ts";
import { doctorTable } from "../shares.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "share doctor",
  summary: "Measure what each kind of shared folder can do between this host and a running guest",
  usage: "NAME",
  details:
    "Throughput, small files, symbolic links, executable bit, case, locks and watch events, in a folder of its own: nothing of yours is touched. Beside virtiofs and 9p, a copy on the guest's own disk as viv sync keeps it.",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv share doctor hello", "a table, in some ten seconds"]],
  async run(work) {
    const report = await work.call("share.doctor", { machine: work.args.name }, work.args.name);
    work.print(report, () => doctorTable(report, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});
