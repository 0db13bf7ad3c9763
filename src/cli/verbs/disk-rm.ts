import { humanBytes, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { diskArgument } from "../disks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "disk rm",
  summary: "Take a disk away, into the machine's trash",
  usage: "NAME DISK [--delete | --undo]",
  details:
    "A running guest must let go of it: unmount it there first. What snapshots and clones need of it stays. The trash is in the machine's folder; viv disk trash lists and empties it.",
  arguments: { name: machineArgument, disk: diskArgument },
  options: {
    delete: { summary: "For good, and the space is free" },
    undo: { summary: "Bring the newest removed disk of this id back" },
  },
  examples: [
    ["viv disk rm hello disk1", "into the trash"],
    ["viv disk rm hello disk1 --undo", "and back again, with its content"],
  ],
  async run(work) {
    const { name, disk } = work.args;
    if (work.options.delete && work.options.undo) throw vivError("usage", "--delete and --undo exclude each other.");
    if (work.options.undo) {
      const back = await work.call("disk.restoreRemoved", { machine: name, disk }, name);
      work.print(back, () => `${disk}: back from the trash\n`);
      return 0;
    }
    const outcome = await work.call("disk.remove", { machine: name, disk, delete: work.options.delete }, name);
    work.print(outcome, () =>
      work.options.delete
        ? `${disk}: deleted, ${humanBytes(outcome.freedBytes)} are free\n`
        : `${disk}: in the trash (viv disk rm ${name} ${disk} --undo brings it back)\n`,
    );
    return 0;
  },
});
