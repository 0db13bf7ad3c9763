import { requireDuration, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { stateText } from "../state.ts";
import { defineVerb } from "../verb.ts";

const conditions = ["running", "agent", "ssh", "ready", "first-boot", "stopped"];
const withValue = ["probe:", "serial:"];
const usage = "NAME --for ready|running|agent|ssh|first-boot|probe:NAME|stopped|serial:TEXT [--timeout 60s]";

export const verb = defineVerb({
  name: "wait",
  summary: "Wait until a machine is so far",
  usage,
  details:
    "Ready is a guest whose first boot is over, that answers by an agent or SSH, and where every probe of vm.json succeeds. What does not come in time is named, with what to look at.",
  arguments: { name: machineArgument },
  options: {
    for: {
      value: "WHAT",
      summary:
        "ready (first boot over, an agent or SSH answers, every probe succeeds), running, agent, ssh, first-boot, probe:NAME, stopped, or serial:TEXT (the console has shown TEXT)",
    },
    timeout: { value: "DURATION", summary: "Fail after this time (default 60s)" },
  },
  examples: [
    ["viv wait hello --for ready --timeout 5m", "until all of it is there; else it says which step is missing"],
    ["viv wait hello --for ssh", "until the guest's SSH server answers"],
    ["viv wait hello --for 'serial:login:' --timeout 2m", "until a login prompt stands on the console"],
    ["viv stop hello & viv wait hello --for stopped", "until it is off"],
  ],
  async run(work) {
    const { for: condition, timeout } = work.options;
    if (condition === undefined) throw vivError("usage", "--for is missing.", `Usage: viv wait ${usage}`);
    if (!conditions.includes(condition) && !withValue.some((start) => condition.startsWith(start) && condition.length > start.length)) {
      throw vivError(
        "usage",
        `--for: ${JSON.stringify(condition)} is no condition.`,
        `Use one of ${conditions.join(", ")}, probe:NAME and serial:TEXT.`,
      );
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
