import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { tagArgument } from "../snapshots.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot diff",
  summary: "Show what differs between two snapshots, or a snapshot and the present",
  usage: "NAME TAG [TAG]",
  arguments: {
    name: machineArgument,
    tag: tagArgument,
    other: { label: "TAG", summary: "The other one; the present without", optional: true },
  },
  options: {},
  examples: [["viv snapshot diff hello s1", "s1 and now: definition and space"]],
  async run(work) {
    const { name, tag, other } = work.args;
    const result = await work.call("snapshot.compare", { machine: name, left: tag, ...(other === undefined ? {} : { right: other }) });
    work.print(result, () => {
      const right = other ?? "now";
      const text = (value: unknown) => (value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value));
      const rows = [
        ...result.definition.map((each) => [each.path, text(each.left), text(each.right)]),
        ["space of its own", humanBytes(result.leftBytes), humanBytes(result.rightBytes)],
      ];
      const shared = `shared: ${humanBytes(result.sharedBytes)}\n`;
      return table([{ title: "" }, { title: tag }, { title: right }], rows, styleFor(work.host.stdout, work.host.environment)) + shared;
    });
    return 0;
  },
});
