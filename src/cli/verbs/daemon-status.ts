import { humanBytes, vivError } from "../../model/index.ts";
import { connectedOrNone } from "../running-service.ts";
import { safeText } from "../safe.ts";
import { styleFor } from "../style.ts";
import { fields } from "../table.ts";
import { durationText } from "../times.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "daemon status",
  summary: "Tell about the background service (never starts it)",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv daemon status --json", "pid, version, uptimeSeconds, machines; exit 3 when none runs"]],
  async run(work) {
    const client = await connectedOrNone(work);
    if (client === undefined) throw vivError("not-found", "No background service runs.", "Any viv command that needs it starts it.");
    const status = await client.call("daemon.status", {}, { signal: work.signal });
    work.print(status, () =>
      fields(
        [
          ["process", String(status.pid)],
          ["version", safeText(`${status.version} (build ${status.build})`)],
          ["uptime", durationText(status.uptimeSeconds)],
          ["machines", `${status.machines}, ${status.running} running`],
          ["clients", String(status.clients)],
          ["operations", String(status.operations)],
          ["memory", humanBytes(status.memoryBytes)],
          ["home", safeText(status.home)],
        ],
        styleFor(work.host.stdout, work.host.environment),
      ),
    );
    return 0;
  },
});
