import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { diskArgument } from "../disks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "disk resize",
  summary: "Make a disk larger, also while the machine runs",
  usage: "NAME DISK SIZE",
  details:
    "The guest sees the new size at once; its partition and file system it enlarges itself (growpart, resize2fs). A disk is never made smaller.",
  arguments: {
    name: machineArgument,
    disk: diskArgument,
    size: { label: "SIZE", summary: "The new size (40G), or by how much it grows (+10G)" },
  },
  options: {},
  examples: [
    ["viv disk resize hello disk0 40G", "40 GiB from now on"],
    ["viv disk resize hello disk0 +10G", "10 GiB more"],
  ],
  async run(work) {
    const { name, disk, size } = work.args;
    const resized = await work.call("disk.resize", { machine: name, disk, size }, name);
    work.print(resized, () => `${disk}: ${humanBytes(resized.virtualBytes)}\n`);
    return 0;
  },
});
