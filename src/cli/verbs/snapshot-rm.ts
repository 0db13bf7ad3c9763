import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { tagArgument } from "../snapshots.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot rm",
  summary: "Remove a snapshot; it can come back until what is removed is emptied",
  usage: "NAME TAG [--branch] [--now]",
  arguments: { name: machineArgument, tag: tagArgument },
  options: {
    branch: { summary: "And all that grew from it" },
    now: { summary: "Delete it for good at once, also while the machine runs" },
  },
  examples: [
    ["viv snapshot rm hello s1", "out of sight; viv snapshot undo hello s1 brings it back"],
    ["viv snapshot rm hello s1 --branch --now", "s1 and all after it, for good"],
  ],
  async run(work) {
    const { name, tag } = work.args;
    const { branch, now } = work.options;
    const result = await work.call("snapshot.remove", { machine: name, snapshot: tag, branch, now }, name);
    work.print(result, () => {
      const what = result.removed.join(", ");
      if (now) return `${name}: ${what} deleted, ${humanBytes(result.freedBytes)} freed\n`;
      return `${name}: ${what} removed (viv snapshot undo ${name} ${tag} brings it back; viv snapshot empty ${name} frees ${humanBytes(result.reclaimableBytes)})\n`;
    });
    return 0;
  },
});
