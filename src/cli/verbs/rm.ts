import { vivError } from "../../model/index.ts";
import { machinesArgument } from "../arguments.ts";
import { forEachName } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "rm",
  summary: "Move stopped machines to the trash",
  usage: "NAME… [--undo | --force]",
  arguments: { names: machinesArgument },
  options: {
    undo: { summary: "Bring back the newest removed machine of that name" },
    force: { summary: "Kill the machine first if it runs" },
  },
  examples: [
    ["viv rm hello", "into the trash"],
    ["viv rm hello --undo", "and back again"],
    ["viv rm --force hello web", "even while they run"],
  ],
  async run(work) {
    const { names } = work.args;
    const { undo, force } = work.options;
    if (undo && force) throw vivError("usage", "--undo and --force exclude each other.", "Usage: viv rm NAME… [--undo | --force]");
    if (undo) {
      return forEachName(
        work,
        names,
        (name) => work.call("machine.restoreRemoved", { machine: name }, name),
        (_name, machine) => `${machine.name}: back from the trash\n`,
      );
    }
    return forEachName(
      work,
      names,
      (name) => work.call("machine.remove", { machine: name, force }, name),
      (_name, entry) => `${entry.name}: in the trash (viv rm ${entry.name} --undo brings it back)\n`,
    );
  },
});
