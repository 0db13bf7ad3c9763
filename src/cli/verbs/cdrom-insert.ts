import { machineArgument } from "../arguments.ts";
import { mediaText } from "../media.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "cdrom insert",
  summary: "Put an ISO file into a machine's CD-ROM drive, also while it runs",
  usage: "NAME FILE [--force]",
  details: "What is in the drive comes out first. A machine without a drive gets one at its next start.",
  arguments: { name: machineArgument, file: { label: "FILE", summary: "An ISO image; it is read where it lies", completes: "file" } },
  options: { force: { summary: "Although the guest holds the medium that is in it" } },
  examples: [["viv cdrom insert hello tools.iso", "the guest sees the new disc"]],
  async run(work) {
    const { name, file } = work.args;
    const media = await work.call("media.insert", { machine: name, file: work.path(file), force: work.options.force }, name);
    work.print(media, () => mediaText(name, media));
    return 0;
  },
});
