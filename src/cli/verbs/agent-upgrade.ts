import { machineArgument } from "../arguments.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "agent upgrade",
  summary: "Make the guest's viv-agent the one of this Vivarium",
  usage: "NAME",
  details:
    "The running agent is handed the new program over its own port and becomes it; commands that run in the guest are told to hang up. An installed one stays so; the starter guest starts with its image's again.",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv agent upgrade debian", "after an update of Vivarium"]],
  async run(work) {
    const { name } = work.args;
    const done = await work.call("guest.upgradeAgent", { machine: name }, name);
    const rest = done.lasting ? "" : " (until the guest's next start)";
    work.print(done, () =>
      done.from === done.to
        ? `${name}: viv-agent is up to date (${done.to})\n`
        : `${name}: viv-agent ${safeText(done.from)} became ${done.to}${rest}\n`,
    );
    return 0;
  },
});
