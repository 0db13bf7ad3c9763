import { machineArgument } from "../arguments.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "agent status",
  summary: "Which viv-agent the guest has, and which one goes with this Vivarium",
  usage: "NAME",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv agent status hello", "its build, and whether a newer one can be put there"]],
  async run(work) {
    const { name } = work.args;
    const status = await work.call("guest.agentStatus", { machine: name }, name);
    work.print(status, () => {
      if (!status.installed) return `${name} has no viv-agent. Put it there: viv agent install ${name}\n`;
      const rest = status.upToDate ? "up to date" : `${status.offered} goes with this Vivarium: viv agent upgrade ${name}`;
      return `${name}: viv-agent ${safeText(status.installed.build)}, ${rest}\n`;
    });
    return 0;
  },
});
