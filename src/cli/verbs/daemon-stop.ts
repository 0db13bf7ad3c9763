import { connectedOrNone } from "../running-service.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "daemon stop",
  summary: "Stop the background service; machines go on running",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv daemon stop", "the next command that needs it starts it again"]],
  async run(work) {
    const client = await connectedOrNone(work);
    if (client === undefined) {
      work.print({ stopped: false }, () => "No background service runs.\n");
      return 0;
    }
    await client.call("daemon.stop", {}, { signal: work.signal });
    await client.closed;
    work.print({ stopped: true, pid: client.service.pid }, () => "The background service has stopped. Machines go on running.\n");
    return 0;
  },
});
