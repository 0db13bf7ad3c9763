import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

const formats = ["qcow2", "raw", "vmdk", "vdi", "ova"] as const;

export const verb = defineVerb({
  name: "export",
  summary: "Write a stopped machine's disk, or as OVA the whole machine, to a file",
  usage: "NAME FILE [--format FORMAT] [--disk DISK] [--snapshot SNAPSHOT] [--overwrite]",
  details: "The file holds what the guest sees and nothing else: no keys, no firmware variables. Its SHA-256 is printed.",
  arguments: { name: machineArgument, file: { label: "FILE", summary: "The file to write; its name says the format", completes: "file" } },
  options: {
    format: { value: "FORMAT", choices: formats, summary: "Default: by the file's name" },
    disk: { value: "DISK", summary: "Which one (default: the first); an OVA has all" },
    snapshot: { value: "SNAPSHOT", summary: "What the machine was then; it may run meanwhile" },
    overwrite: { summary: "Replace the file once the new one is whole" },
  },
  examples: [
    ["viv export web web.ova", "for VMware, VirtualBox and others"],
    ["viv export web disk.qcow2 --snapshot s1", "one disk, as it was"],
  ],
  async run(work) {
    const { name, file } = work.args;
    const { format, disk, snapshot, overwrite } = work.options;
    const written = await work.call(
      "machine.export",
      {
        machine: name,
        file: work.path(file),
        overwrite,
        ...(format === undefined ? {} : { format: formats.find((each) => each === format) }),
        ...(disk === undefined ? {} : { disk }),
        ...(snapshot === undefined ? {} : { snapshot }),
      },
      name,
    );
    work.print(written, () => `${safeText(file)}: ${humanBytes(written.bytes)}\n${written.sha256}  ${safeText(file)}\n`);
    return 0;
  },
});
