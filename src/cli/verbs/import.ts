import { requireMachineName } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

const formats = ["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc", "ova"] as const;

export const verb = defineVerb({
  name: "import",
  summary: "Make a machine of a disk image, an OVA, or another manager’s definition",
  usage: "FILE NAME [--format FORMAT] [--arch ARCH] [--firmware KIND]",
  details:
    "The file's headers are checked first; what leans on other files, is encrypted or damaged is refused. Then a copy is made, and only the copy runs. " +
    "A definition (what virsh dumpxml prints, a .vbox file) brings its disks, processors, memory, adapters, forwards and boot order along, and a report of what could not come.",
  arguments: {
    file: { label: "FILE", summary: "qcow2, raw, vmdk, vdi, vhdx, vpc, ova, libvirt XML or .vbox", completes: "file" },
    name: { label: "NAME", summary: "The new machine's name" },
  },
  options: {
    format: { value: "FORMAT", choices: formats, summary: "Default: what its header says" },
    arch: { value: "ARCH", choices: ["x86_64", "aarch64"], summary: "The guest's architecture (default: by its boot loader)" },
    firmware: { value: "KIND", choices: ["bios", "uefi"], summary: "Default: uefi when it has an EFI partition" },
  },
  examples: [
    ["viv import appliance.ova web", "an appliance for VMware or VirtualBox"],
    ["virsh dumpxml web > web.xml; viv import web.xml web", "a machine of libvirt"],
    ["viv import debian-13-generic-amd64.qcow2 debian", "a cloud image"],
  ],
  async run(work) {
    const { file, name } = work.args;
    const { format, arch, firmware } = work.options;
    requireMachineName(name);
    const made = await work.call(
      "machine.import",
      {
        file: work.path(file),
        name,
        ...(format === undefined ? {} : { format: formats.find((each) => each === format) }),
        ...(arch === "x86_64" || arch === "aarch64" ? { architecture: arch } : {}),
        ...(firmware === "bios" || firmware === "uefi" ? { firmware } : {}),
      },
      name,
    );
    work.print(
      made,
      () => `${made.name}: imported (viv start ${made.name} boots it)\n${made.notes.map((note) => `  ${safeText(note)}\n`).join("")}`,
    );
    return 0;
  },
});
