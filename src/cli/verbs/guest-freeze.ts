import { requireDuration, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "guest freeze",
  summary: "Hold writes of the guest's file systems for a while",
  usage: "NAME [--for 30s]",
  details:
    "For a backup of its disks from outside. They are let go by viv guest thaw, or after the time, by the guest itself: also when the background service or this host's tools are gone by then.",
  arguments: { name: machineArgument },
  options: { for: { value: "DURATION", summary: "At most so long (1 s to 10 min; default 30s)" } },
  examples: [["viv guest freeze hello --for 10s", "written out, and still for ten seconds"]],
  async run(work) {
    const { name } = work.args;
    const seconds = Math.ceil(requireDuration(work.options.for ?? "30s") / 1000);
    if (seconds < 1 || seconds > 600) throw vivError("usage", "--for takes 1 s to 10 min.");
    const done = await work.call("guest.freeze", { machine: name, seconds }, name);
    work.print(done, () => `${name}: ${done.filesystems} file systems hold writes for at most ${seconds} s\n`);
    return 0;
  },
});
