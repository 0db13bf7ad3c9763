import { machineArgument } from "../arguments.ts";
import { mediaText } from "../media.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "cdrom eject",
  summary: "Empty a machine's CD-ROM drive",
  usage: "NAME [--force]",
  arguments: { name: machineArgument },
  options: { force: { summary: "Although the guest holds it" } },
  examples: [["viv cdrom eject hello", "the guest is asked to let go first"]],
  async run(work) {
    const media = await work.call("media.eject", { machine: work.args.name, force: work.options.force }, work.args.name);
    work.print(media, () => mediaText(work.args.name, media));
    return 0;
  },
});
