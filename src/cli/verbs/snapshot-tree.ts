import { machineArgument } from "../arguments.ts";
import { listNotes, snapshotTree } from "../snapshots.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot tree",
  summary: "Show a machine's snapshots as a tree, with the place of the present",
  usage: "NAME [--removed]",
  arguments: { name: machineArgument },
  options: { removed: { summary: "Removed ones too" } },
  examples: [["viv snapshot tree hello", "what grew from what"]],
  async run(work) {
    const list = await work.call("snapshot.list", { machine: work.args.name, removed: work.options.removed });
    work.print(list, () => snapshotTree(list));
    for (const note of listNotes(work.args.name, list)) work.note(note);
    return 0;
  },
});
