import type { Result } from "../../api/index.ts";
import { requireMachineName } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

const ways: Record<Result<"machine.clone">["way"], string> = {
  linked: "shares what was there",
  reflink: "the file system shares equal blocks",
  copy: "a copy of its own",
};

export const verb = defineVerb({
  name: "clone",
  summary: "Make a new machine of a machine, running or not, or of one of its snapshots",
  usage: "NAME NEW [--linked] [--snapshot SNAPSHOT]",
  details:
    "The clone has its own UUID, MAC addresses and keys; machine-id, host name and SSH host keys in the guest change when its agent first answers.",
  arguments: { name: machineArgument, new: { label: "NEW", summary: "The clone's name" } },
  options: {
    linked: { summary: "At once: share what is there now, write to a layer of its own" },
    snapshot: { value: "SNAPSHOT", summary: "What the machine was then (viv snapshot ls)" },
  },
  examples: [
    ["viv clone web web-2 --linked", "in a moment, whatever its size"],
    ["viv clone web before --snapshot s1", "a machine of what web was"],
  ],
  async run(work) {
    const { name, new: to } = work.args;
    const { linked, snapshot } = work.options;
    requireMachineName(to);
    const made = await work.call(
      "machine.clone",
      { machine: name, name: to, linked, ...(snapshot === undefined ? {} : { snapshot }) },
      name,
    );
    work.print(made, () => `${made.name}: cloned, ${ways[made.way]} (viv start ${made.name} boots it)\n`);
    return 0;
  },
});
