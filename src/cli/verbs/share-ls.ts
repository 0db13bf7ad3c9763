import { machineArgument } from "../arguments.ts";
import { shareTable } from "../shares.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "share ls",
  summary: "List a machine's shared folders: which kind, why, and whether the guest has them",
  usage: "NAME",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv share ls hello", "kinds, states and reasons"]],
  async run(work) {
    const shares = await work.call("share.list", { machine: work.args.name });
    work.print(shares, () =>
      shares.length === 0
        ? `${work.args.name} has no shared folders.\n`
        : shareTable(shares, styleFor(work.host.stdout, work.host.environment)),
    );
    return 0;
  },
});
