import { yesOrNo } from "../networks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net create",
  summary: "Make a network of machines: a switch with DHCP and names",
  usage: "NET [--subnet CIDR] [--isolation on] [--dhcp off]",
  details:
    "Its machines reach each other, and neither this host nor anything outside. Each gets an address that stays its own and a name, NAME.NET.internal. A machine is on it by an adapter: viv create NAME --network segment:NET.",
  arguments: { net: { label: "NET", summary: "Its name" } },
  options: {
    subnet: { summary: "Its addresses (default: the first free of 10.77.N.0/24)", value: "CIDR" },
    isolation: { summary: "on: machines do not hear each other", value: "on|off", choices: ["on", "off"] },
    dhcp: { summary: "off: no addresses and no names are given", value: "on|off", choices: ["on", "off"] },
  },
  examples: [
    ["viv net create lab", "then: viv create web --image starter --network segment:lab"],
    ["viv net create office --subnet 192.168.50.0/24", "with addresses of your own"],
  ],
  async run(work) {
    const { subnet, isolation, dhcp } = work.options;
    const made = await work.call("network.create", {
      name: work.args.net,
      ...(subnet === undefined ? {} : { subnet }),
      ...(isolation === undefined ? {} : { isolation: yesOrNo("isolation", isolation) }),
      ...(dhcp === undefined ? {} : { dhcp: yesOrNo("dhcp", dhcp) }),
    });
    work.print(made, () => `${made.name}: ${made.subnet}\n`);
    return 0;
  },
});
