import { vivError } from "../../model/index.ts";
import { networkArgument, yesOrNo } from "../networks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net set",
  summary: "Change a network, while its machines run",
  usage: "NET [--subnet CIDR] [--isolation on|off] [--dhcp on|off]",
  details: "Another subnet is for a network none of whose machines runs.",
  arguments: { net: networkArgument },
  options: {
    subnet: { summary: "Its addresses", value: "CIDR" },
    isolation: { summary: "on: machines do not hear each other", value: "on|off", choices: ["on", "off"] },
    dhcp: { summary: "off: no addresses and no names are given", value: "on|off", choices: ["on", "off"] },
  },
  examples: [["viv net set lab --isolation on", "every machine is alone"]],
  async run(work) {
    const { subnet, isolation, dhcp } = work.options;
    if (subnet === undefined && isolation === undefined && dhcp === undefined)
      throw vivError("usage", "Nothing is to be changed.", "For example: viv net set lab --isolation on");
    const changed = await work.call("network.set", {
      network: work.args.net,
      ...(subnet === undefined ? {} : { subnet }),
      ...(isolation === undefined ? {} : { isolation: yesOrNo("isolation", isolation) }),
      ...(dhcp === undefined ? {} : { dhcp: yesOrNo("dhcp", dhcp) }),
    });
    work.print(changed, () => `${changed.name}: changed\n`);
    return 0;
  },
});
