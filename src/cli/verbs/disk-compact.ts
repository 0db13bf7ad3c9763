import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { diskArgument } from "../disks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "disk compact",
  summary: "Give a disk's unused space back to this host",
  usage: "NAME [DISK]",
  details:
    "While the machine runs, its guest agent discards what the file systems do not use (fstrim). Of a stopped machine the current layer is written anew, which needs as much free space as it takes. Run it once each way for the most.",
  arguments: { name: machineArgument, disk: { ...diskArgument, optional: true } },
  options: {},
  examples: [["viv disk compact hello", "all its disks"]],
  async run(work) {
    const { name } = work.args;
    const listed =
      work.args.disk === undefined ? (await work.call("disk.list", { machine: name })).filter(({ readOnly }) => !readOnly) : [];
    const disks = work.args.disk === undefined ? listed.map(({ id }) => id) : [work.args.disk];
    const done: { disk: string; beforeBytes: number; afterBytes: number }[] = [];
    for (const disk of disks) done.push({ disk, ...(await work.call("disk.compact", { machine: name, disk }, name)) });
    work.print(done, () =>
      done
        .map(({ disk, beforeBytes, afterBytes }) => `${disk}: ${humanBytes(beforeBytes)} -> ${humanBytes(afterBytes)} on this host\n`)
        .join(""),
    );
    return 0;
  },
});
