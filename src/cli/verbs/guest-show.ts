import { machineArgument } from "../arguments.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "guest show",
  summary: "The guest's system, its addresses and who is logged in",
  usage: "NAME",
  details: "By viv-agent, else qemu-guest-agent, else SSH.",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv guest show hello", "as the guest says"]],
  async run(work) {
    const system = await work.call("guest.system", { machine: work.args.name });
    work.print(system, () => {
      const { hostname, osName, kernel, interfaces, users } = system;
      const lines = [
        `${hostname}: ${osName}, Linux ${kernel}`,
        ...interfaces.map(({ name, mac, addresses }) => `${name} ${mac} ${addresses.join(" ")}`.trim()),
        ...users.map(({ name, terminal }) => `${name} on ${terminal}`),
      ];
      return lines.map((line) => `${safeText(line)}\n`).join("");
    });
    return 0;
  },
});
