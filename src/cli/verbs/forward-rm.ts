import { machineArgument } from "../arguments.ts";
import { parseForward } from "../forward.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "forward rm",
  summary: "Take a forward away, at once where the guest runs",
  usage: "NAME [HOSTPORT:]GUESTPORT[/udp]",
  arguments: { name: machineArgument, port: { label: "[HOSTPORT:]GUESTPORT[/udp]", summary: "Which one, as viv forward ls shows it" } },
  options: {},
  examples: [["viv forward rm web 80", "and out of vm.json"]],
  async run(work) {
    const { name, port } = work.args;
    work.print(await work.call("forward.remove", { machine: name, ...parseForward(port) }, name), () => `${port}: no longer forwarded\n`);
    return 0;
  },
});
