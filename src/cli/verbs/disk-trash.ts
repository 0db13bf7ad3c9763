import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { timeText } from "../times.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "disk trash",
  summary: "List a machine's removed disks, or delete them for good",
  usage: "NAME [--empty]",
  arguments: { name: machineArgument },
  options: { empty: { summary: "Delete them all" } },
  examples: [
    ["viv disk trash hello", "what can come back"],
    ["viv disk trash hello --empty", "and what cannot any more"],
  ],
  async run(work) {
    const { name } = work.args;
    if (work.options.empty) {
      const outcome = await work.call("disk.emptyTrash", { machine: name }, name);
      work.print(outcome, () => `${humanBytes(outcome.freedBytes)} are free\n`);
      return 0;
    }
    const removed = await work.call("disk.trash", { machine: name });
    work.print(removed, () =>
      removed.length === 0
        ? "No removed disks.\n"
        : table(
            [{ title: "DISK" }, { title: "REMOVED" }, { title: "SIZE", align: "right" }],
            removed.map(({ disk, removedAt, bytes }) => [disk, timeText(removedAt), humanBytes(bytes)]),
            styleFor(work.host.stdout, work.host.environment),
          ),
    );
    return 0;
  },
});
