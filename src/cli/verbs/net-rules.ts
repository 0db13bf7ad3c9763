import { parseRule, ruleText } from "../../model/index.ts";
import { networkArgument } from "../networks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net rules",
  summary: "Say which machines of a network may reach which, or show what is said",
  usage: "NET [--clear] [--add RULE]…",
  details:
    "A rule is: allow|deny FROM TO [tcp|udp|icmp[:PORT]]; FROM and TO are a machine, an address, a CIDR block or any. The first that fits a packet decides, and a packet that none fits may pass. Rules look at single packets: what forbids web's packets to db forbids its answers to db, too.",
  arguments: { net: networkArgument },
  options: {
    clear: { summary: "Forget the rules there are" },
    add: { summary: "A rule behind the others", value: "RULE", many: true },
  },
  examples: [
    ['viv net rules lab --add "deny web db tcp:5432"', "web does not reach db's database"],
    ['viv net rules lab --clear --add "allow any web tcp:80" --add "deny any web tcp"', "only these two"],
  ],
  async run(work) {
    const { net } = work.args;
    const { clear, add } = work.options;
    const shown = await work.call("network.show", { network: net });
    const rules = [...(clear ? [] : shown.rules), ...add.map(parseRule)];
    if (clear || add.length > 0) await work.call("network.set", { network: net, rules });
    work.print(rules, () =>
      rules.length === 0 ? `${net}: no rules, every machine reaches every other\n` : `${rules.map(ruleText).join("\n")}\n`,
    );
    return 0;
  },
});
