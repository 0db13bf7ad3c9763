import { networkArgument, networkCard } from "../networks.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net show",
  summary: "Show a network: who is on it, addresses, what was sent and dropped, and why",
  usage: "NET",
  arguments: { net: networkArgument },
  options: {},
  examples: [["viv net show lab", "machines, addresses, counters"]],
  async run(work) {
    const network = await work.call("network.show", { network: work.args.net });
    work.print(network, () => networkCard(network, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});
