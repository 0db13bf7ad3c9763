import { requireDuration } from "../../model/index.ts";
import { machinesArgument } from "../arguments.ts";
import { changeStates } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "stop",
  summary: "Stop machines: by the power button, then harder",
  usage: "NAME… [--timeout 60s] [--quit-timeout 10s]",
  details:
    "The guest is asked by ACPI first; when it has not gone after --timeout QEMU is told to quit, and when that does not help within --quit-timeout its process is killed.",
  arguments: { names: machinesArgument },
  options: {
    timeout: { value: "DURATION", summary: "How long the guest may take (default 60s)" },
    "quit-timeout": { value: "DURATION", summary: "How long QEMU may take after that (default 10s)" },
  },
  examples: [
    ["viv stop hello", "a clean shutdown"],
    ["viv stop hello web --timeout 5s", "five seconds for each guest, then harder"],
  ],
  async run(work) {
    const { timeout, "quit-timeout": quitTimeout } = work.options;
    const limits = {
      ...(timeout === undefined ? {} : { acpiTimeoutMs: requireDuration(timeout) }),
      ...(quitTimeout === undefined ? {} : { quitTimeoutMs: requireDuration(quitTimeout) }),
    };
    return changeStates(work, work.args.names, "machine.stop", (machine) => ({ machine, ...limits }));
  },
});
