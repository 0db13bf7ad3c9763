import { humanBytes } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { ask } from "../ask.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "snapshot empty",
  summary: "Delete removed snapshots for good and merge their layers, also while the machine runs",
  usage: "NAME [--yes]",
  arguments: { name: machineArgument },
  options: { yes: { summary: "Do not ask (it asks only on a terminal)" } },
  examples: [["viv snapshot empty hello", "frees what removed snapshots hold"]],
  async run(work) {
    const { name } = work.args;
    if (
      !work.options.yes &&
      !work.json &&
      work.host.stdin.isTTY &&
      !(await ask(work, `Delete the removed snapshots of ${name} for good?`, "no"))
    ) {
      work.note("Nothing was deleted.");
      return 1;
    }
    const result = await work.call("snapshot.empty", { machine: name }, name);
    work.print(result, () => `${name}: ${humanBytes(result.freedBytes)} freed\n`);
    return 0;
  },
});
