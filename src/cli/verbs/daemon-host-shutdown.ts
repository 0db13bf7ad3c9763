import { connectedOrNone } from "../running-service.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "daemon host-shutdown",
  summary: "The host goes down: suspend or stop every running machine by its policy",
  usage: "",
  details:
    "What the service does by itself at logout where `viv daemon install` was run. A machine's policy is onHostShutdown in vm.json: suspend, stop or kill.",
  arguments: {},
  options: {},
  examples: [["viv daemon host-shutdown", "for a shutdown script"]],
  async run(work) {
    const client = await connectedOrNone(work);
    const { machines } = client === undefined ? { machines: [] } : await work.call("daemon.hostShutdown", {});
    work.print(machines, () => machines.map(({ name, outcome }) => `${name}: ${outcome}\n`).join("") || "No machine runs.\n");
    return machines.some(({ outcome }) => outcome.startsWith("failed")) ? 1 : 0;
  },
});
