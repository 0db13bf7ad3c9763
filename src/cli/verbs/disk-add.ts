import { humanBytes, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

const buses = ["virtio", "scsi", "sata", "nvme"] as const;
const formats = ["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc"] as const;

export const verb = defineVerb({
  name: "disk add",
  summary: "Add a disk: a new one, or a copy of an image file",
  usage: "NAME SIZE | NAME --file FILE",
  details:
    "A running machine has it at once (virtio and nvme: four of them; scsi with a SCSI controller). The guest makes partitions and file systems as on any new disk. An image is checked first, and copied: the file itself stays as it is.",
  arguments: { name: machineArgument, size: { label: "SIZE", summary: "Size of a new, empty disk, such as 10G", optional: true } },
  options: {
    file: { summary: "An image to copy: qcow2, raw, vmdk, vdi, vhdx or vpc", value: "FILE", completes: "file" },
    format: { summary: "The image's format, where its header does not tell", value: "FORMAT", choices: formats },
    bus: { summary: "How the guest sees it (default virtio)", value: "BUS", choices: buses },
    id: { summary: "Its id, also its serial number in the guest (default diskN)", value: "ID" },
  },
  examples: [
    ["viv disk add hello 10G", "an empty disk, also while hello runs"],
    ["viv disk add hello --file old.vmdk --id old", "the content of another program's disk"],
  ],
  async run(work) {
    const { name, size } = work.args;
    const { file, format, bus, id } = work.options;
    if ((size === undefined) === (file === undefined))
      throw vivError("usage", "Give a size or an image file, and not both.", "For example: viv disk add hello 10G");
    const disk = await work.call(
      "disk.add",
      {
        machine: name,
        ...(size === undefined ? {} : { size }),
        ...(file === undefined ? {} : { file: work.path(file) }),
        ...(format === undefined ? {} : { format: format as (typeof formats)[number] }),
        ...(bus === undefined ? {} : { bus: bus as (typeof buses)[number] }),
        ...(id === undefined ? {} : { id }),
      },
      name,
    );
    work.print(
      disk,
      () => `${disk.id}: ${humanBytes(disk.virtualBytes)}, ${disk.attached ? "the guest has it" : `at the next start of ${name}`}\n`,
    );
    return 0;
  },
});
