import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { diskArgument } from "../disks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "disk resize",
  summary: "Make a disk larger, also while the machine runs",
  usage: "NAME DISK SIZE [--grow]",
  details:
    "The guest sees the new size at once. With --grow its agent also enlarges the disk's last partition and the file system in it (ext4, xfs, btrfs). A disk is never made smaller.",
  arguments: {
    name: machineArgument,
    disk: diskArgument,
    size: { label: "SIZE", summary: "The new size (40G), or by how much it grows (+10G)" },
  },
  options: { grow: { summary: "The last partition and its file system in the running guest too" } },
  examples: [
    ["viv disk resize hello disk0 40G", "40 GiB from now on"],
    ["viv disk resize hello disk0 +10G", "10 GiB more"],
    ["viv disk resize hello disk0 +10G --grow", "… and the guest's root file system has them"],
  ],
  async run(work) {
    const { name, disk, size } = work.args;
    const resized = await work.call("disk.resize", { machine: name, disk, size, grow: work.options.grow }, name);
    const { grown } = resized;
    const inGuest = grown ? `; in the guest ${grown.device} (${grown.fileSystem}): ${humanBytes(grown.bytes)}` : "";
    work.print(resized, () => `${disk}: ${humanBytes(resized.virtualBytes)}${inGuest}\n`);
    return 0;
  },
});
