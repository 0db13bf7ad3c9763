import { humanBytes } from "../../model/index.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { timeText } from "../times.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "trash ls",
  summary: "List removed machines that can come back",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv trash ls", "names, ids, sizes"]],
  async run(work) {
    const entries = await work.call("machine.trash", {});
    work.print(entries, () => {
      if (entries.length === 0) return "The trash is empty.\n";
      const rows = entries.map((entry) => [entry.name, timeText(entry.removedAt), humanBytes(entry.bytes), entry.id]);
      return table(
        [{ title: "NAME" }, { title: "REMOVED" }, { title: "SIZE", align: "right" }, { title: "ID" }],
        rows,
        styleFor(work.host.stdout, work.host.environment),
      );
    });
    return 0;
  },
});
