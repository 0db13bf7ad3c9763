import { machineArgument } from "../arguments.ts";
import { listNotes, snapshotTable } from "../snapshots.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot ls",
  summary: "List a machine's snapshots with their sizes",
  usage: "NAME [--removed]",
  arguments: { name: machineArgument },
  options: { removed: { summary: "Removed ones too, which can come back (viv snapshot undo)" } },
  examples: [["viv snapshot ls hello", "names, times, sizes; * marks where the present grew from"]],
  async run(work) {
    const list = await work.call("snapshot.list", { machine: work.args.name, removed: work.options.removed });
    work.print(list, () => snapshotTable(list, styleFor(work.host.stdout, work.host.environment)));
    for (const note of listNotes(work.args.name, list)) work.note(note);
    return 0;
  },
});
