import { requireDuration, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { stateText } from "../state.ts";
import { defineVerb } from "../verb.ts";

const conditions = ["running", "agent", "ssh", "stopped"];

export const verb = defineVerb({
  name: "wait",
  summary: "Wait until a machine is so far",
  usage: "NAME --for running|agent|ssh|stopped|serial:TEXT [--timeout 60s]",
  arguments: { name: machineArgument },
  options: {
    for: { value: "WHAT", summary: "running, agent, ssh, stopped, or serial:TEXT (the console has shown TEXT)" },
    timeout: { value: "DURATION", summary: "Fail after this time (default 60s)" },
  },
  examples: [
    ["viv wait hello --for ssh", "until the guest's SSH server answers"],
    ["viv wait hello --for 'serial:login:' --timeout 2m", "until a login prompt stands on the console"],
    ["viv stop hello & viv wait hello --for stopped", "until it is off"],
  ],
  async run(work) {
    const { for: condition, timeout } = work.options;
    if (condition === undefined)
      throw vivError("usage", "--for is missing.", "Usage: viv wait NAME --for running|agent|ssh|stopped|serial:TEXT");
    if (!conditions.includes(condition) && !(condition.startsWith("serial:") && condition.length > "serial:".length)) {
      throw vivError("usage", `--for: ${JSON.stringify(condition)} is no condition.`, "Use running, agent, ssh, stopped or serial:TEXT.");
    }
    const { name } = work.args;
    const machine = await work.call(
      "machine.wait",
      { machine: name, for: condition, ...(timeout === undefined ? {} : { timeoutMs: requireDuration(timeout) }) },
      name,
    );
    work.print(machine, () => `${machine.name}: ${stateText(machine)}\n`);
    return 0;
  },
});
