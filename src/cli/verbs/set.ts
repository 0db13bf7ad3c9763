import { vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { waitingText } from "../card.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "set",
  summary: "Change a machine's settings",
  usage: "NAME KEY=VALUE…",
  details: "Keys are dotted paths of vm.json. A machine that runs gets the new settings at its next start; viv show lists what waits.",
  arguments: {
    name: machineArgument,
    settings: { label: "KEY=VALUE", summary: "A path of vm.json and its new value", many: true },
  },
  options: {},
  examples: [
    ["viv set hello memory=1G cpus=2", "more memory and a second CPU"],
    ["viv set hello display.type=none", "headless"],
    ["viv set hello networks.0.linkUp=false", "pull the first adapter's cable"],
  ],
  async run(work) {
    const { name, settings } = work.args;
    requireSettings(settings);
    const machine = await work.call("machine.set", { machine: name, set: [...settings] }, name);
    work.print(machine, () => `${machine.name}: changed${waitingText(machine)}\n`);
    return 0;
  },
});

/** `KEY=VALUE` with a key; what the key means is the service's to say. */
export function requireSettings(settings: readonly string[]): void {
  for (const setting of settings) {
    if (setting.indexOf("=") < 1)
      throw vivError(
        "usage",
        `${JSON.stringify(setting)} is not KEY=VALUE.`,
        "For example memory=1G or display.type=none; viv edit NAME shows all keys.",
      );
  }
}
