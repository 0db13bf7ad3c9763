import { machineArgument } from "../arguments.ts";
import { mediaText } from "../media.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "cdrom show",
  summary: "Show what is in a machine's CD-ROM drive",
  usage: "NAME",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv cdrom show hello", "the ISO file, and whether the guest holds it"]],
  async run(work) {
    const media = await work.call("media.show", { machine: work.args.name });
    work.print(media, () => mediaText(work.args.name, media));
    return 0;
  },
});
