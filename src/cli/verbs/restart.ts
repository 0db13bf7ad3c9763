import { requireDuration } from "../../model/index.ts";
import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "restart",
  summary: "Stop machines, then start them",
  usage: "NAME… [--timeout 60s]",
  arguments: { names: machinesArgument },
  options: { timeout: { value: "DURATION", summary: "How long the guest may take to shut down (default 60s)" } },
  examples: [["viv restart hello", "changed settings take effect"]],
  async run(work) {
    const { timeout } = work.options;
    const limit = timeout === undefined ? {} : { acpiTimeoutMs: requireDuration(timeout) };
    return changeStates(work, work.args.names, "machine.restart", (machine) => ({ machine, ...limit }));
  },
});
