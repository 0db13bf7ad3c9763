import { networkArgument } from "../networks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net rm",
  summary: "Remove a network that no machine has an adapter on",
  usage: "NET",
  arguments: { net: networkArgument },
  options: {},
  examples: [["viv net rm lab", "its addresses are forgotten"]],
  async run(work) {
    await work.call("network.remove", { network: work.args.net });
    work.print({ removed: work.args.net }, () => `${work.args.net}: removed\n`);
    return 0;
  },
});
