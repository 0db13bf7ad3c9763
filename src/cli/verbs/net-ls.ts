import { networkTable } from "../networks.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net ls",
  summary: "List the networks of machines",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv net ls", "names, addresses, who is on them"]],
  async run(work) {
    const networks = await work.call("network.list", {});
    work.print(networks, () => networkTable(networks, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});
