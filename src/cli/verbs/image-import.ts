import { humanBytes } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

const formats = ["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc"] as const;

export const verb = defineVerb({
  name: "image import",
  summary: "Take a disk image file into the store, for machines to be made from",
  usage: "FILE [NAME] [OPTION]…",
  details: "The file's headers are checked first, then a copy is made, and only the copy runs. The file is not needed afterwards.",
  arguments: {
    file: { label: "FILE", summary: "qcow2, raw, vmdk, vdi, vhdx or vpc; also as .xz, .gz or .zst", completes: "file" },
    name: { label: "NAME", summary: "What it is called (default: by the file's name)", optional: true },
  },
  options: {
    format: { value: "FORMAT", choices: formats, summary: "Default: what its header says" },
    arch: { value: "ARCH", choices: ["x86_64", "aarch64"], summary: "The guest's architecture (default: by its boot loader)" },
    firmware: { value: "KIND", choices: ["bios", "uefi"], summary: "Default: by its partitions" },
    user: { value: "NAME", summary: "Whom SSH logs in as (default: root)" },
    "cloud-init": { summary: "cloud-init is in it and sets up the first start" },
    replace: { summary: "Take the place of an image of that name; machines built on that one keep it" },
  },
  examples: [["viv image import golden.qcow2 golden", "then: viv create web --image golden"]],
  async run(work) {
    const { file, name } = work.args;
    const { format, arch, firmware, user, replace } = work.options;
    const made = await work.call(
      "image.import",
      {
        file: work.path(file),
        ...(name === undefined ? {} : { name }),
        ...(format === undefined ? {} : { format: formats.find((each) => each === format) }),
        ...(arch === "x86_64" || arch === "aarch64" ? { architecture: arch } : {}),
        ...(firmware === "bios" || firmware === "uefi" ? { firmware } : {}),
        ...(user === undefined ? {} : { login: user }),
        ...(work.options["cloud-init"] ? { firstBoot: "cloud-init" as const } : {}),
        replace,
      },
      name ?? file,
    );
    const { image, notes } = made;
    work.print(
      made,
      () =>
        `${image.name} (${image.architecture}): imported, ${humanBytes(image.bytes)} on disk\n${notes.map((note) => `  ${safeText(note)}\n`).join("")}`,
    );
    return 0;
  },
});
