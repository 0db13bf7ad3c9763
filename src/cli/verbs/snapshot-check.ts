import type { Result } from "../../api/index.ts";
import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { tagArgument } from "../snapshots.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

type Checked = Result<"snapshot.check">;

const words: Record<Checked["files"][number]["verdict"], string> = {
  right: "as it was",
  recorded: "as it was; now known byte for byte",
  unread: "looks as it was; not read yet",
  altered: "ALTERED",
  missing: "MISSING",
};

export const verb = defineVerb({
  name: "snapshot check",
  summary: "Compare the files of snapshots with what they were, byte for byte",
  usage: "NAME [TAG] [--quick] [--accept]",
  details:
    "Without TAG: of all. The machine may run. A restore makes the same comparison where the file system says that a file was touched. Exit code 1 when a file is altered or missing.",
  arguments: { name: machineArgument, tag: { ...tagArgument, optional: true } },
  options: {
    quick: { summary: "Only what the file system says; nothing is read" },
    accept: { summary: "Take altered files as they are now (you repaired them, or copied the folder and know them to be right)" },
  },
  examples: [
    ["viv snapshot check hello", "every file that a snapshot of hello needs"],
    ["viv snapshot check hello s1 --quick", "at once"],
  ],
  async run(work) {
    const { name, tag } = work.args;
    const { quick, accept } = work.options;
    const found = await work.call(
      "snapshot.check",
      { machine: name, ...(tag === undefined ? {} : { snapshot: tag }), quick, accept },
      name,
    );
    work.print(found, () => {
      if (found.files.length === 0) return "There are no snapshots.\n";
      const rows = found.files.map(({ file, bytes, snapshots, verdict }) => [
        file,
        humanBytes(bytes),
        words[verdict],
        snapshots.join(", "),
      ]);
      const titles = [{ title: "FILE" }, { title: "SIZE", align: "right" as const }, { title: "" }, { title: "SNAPSHOTS" }];
      return table(titles, rows, styleFor(work.host.stdout, work.host.environment));
    });
    for (const problem of found.problems) work.note(problem);
    return found.sound ? 0 : 1;
  },
});
