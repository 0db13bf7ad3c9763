import { machineArgument } from "../arguments.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "ports",
  summary: "Which ports somebody in the guest listens on",
  usage: "NAME",
  details: "By viv-agent. What listens on the guest's loopback alone (127.0.0.1, ::1) cannot be reached by a forward.",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv ports hello", "one line each: protocol, address, port, who listens"]],
  async run(work) {
    const ports = await work.call("guest.ports", { machine: work.args.name });
    work.print(ports, () =>
      ports
        .map(({ protocol, address, port, process = "" }) => `${safeText(`${protocol} ${address} ${port} ${process}`.trimEnd())}\n`)
        .join(""),
    );
    return 0;
  },
});
