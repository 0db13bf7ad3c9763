import { vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { snapshotLine, tagArgument } from "../snapshots.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot edit",
  summary: "Rename a snapshot or change its note",
  usage: "NAME TAG [--name NEW] [--note TEXT]",
  arguments: { name: machineArgument, tag: tagArgument },
  options: {
    name: { summary: "Its new name", value: "NEW" },
    note: { summary: "Its new note; an empty one removes it", value: "TEXT" },
  },
  examples: [["viv snapshot edit hello s1 --name installed --note 'fresh'", "a name one remembers"]],
  async run(work) {
    const { name, tag } = work.args;
    const { options } = work;
    if (options.name === undefined && options.note === undefined)
      throw vivError("usage", "Nothing is to be changed.", "Usage: viv snapshot edit NAME TAG [--name NEW] [--note TEXT]");
    const view = await work.call("snapshot.edit", {
      machine: name,
      snapshot: tag,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.note === undefined ? {} : { note: options.note }),
    });
    work.print(view, () => snapshotLine(name, view));
    return 0;
  },
});
