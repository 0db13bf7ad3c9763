import { humanBytes } from "../../model/index.ts";
import { ask } from "../ask.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "trash empty",
  summary: "Delete removed machines for good",
  usage: "[NAME] [--yes]",
  arguments: { name: { label: "NAME", summary: "Only this one (name or id); all of them without it", optional: true } },
  options: { yes: { summary: "Do not ask (it asks only on a terminal)" } },
  examples: [
    ["viv trash empty", "everything in the trash"],
    ["viv trash empty hello", "only hello"],
  ],
  async run(work) {
    const { name } = work.args;
    const what = name === undefined ? "everything in the trash" : JSON.stringify(name);
    if (!work.options.yes && !work.json && work.host.stdin.isTTY && !(await ask(work, `Delete ${what} for good?`, "no"))) {
      work.note("Nothing was deleted.");
      return 1;
    }
    const result = await work.call("machine.emptyTrash", name === undefined ? {} : { machine: name });
    work.print(result, () => `${humanBytes(result.freedBytes)} freed\n`);
    return 0;
  },
});
