import type { VivEvent } from "../../api/index.ts";
import { vivError } from "../../model/index.ts";
import { safeJson, safeText } from "../safe.ts";
import { operationText, stateText } from "../state.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "events",
  summary: "Print what happens to machines, as it happens",
  usage: "[NAME…]",
  details: "Goes on until Ctrl+C. With --json each event is one line of JSON.",
  arguments: { names: { label: "NAME", summary: "Only events of these machines", many: true, optional: true, completes: "machine" } },
  options: {},
  examples: [
    ["viv events", "all machines"],
    ["viv events hello --json | jq -r .event", "one machine, for a program"],
  ],
  async run(work) {
    const { names } = work.args;
    const client = await work.client();
    const stop = client.onEvent((event) => {
      if (names.length > 0 && !concerns(event, names)) return;
      work.host.stdout.write(`${work.json ? safeJson(event) : eventText(event)}\n`);
    });
    work.note(work.host.stderr.isTTY ? "Waiting for events. Ctrl+C ends." : "Waiting for events.");
    try {
      await Promise.race([
        client.closed,
        new Promise<void>((resolve) => {
          if (work.signal.aborted) resolve();
          work.signal.addEventListener("abort", () => resolve(), { once: true });
        }),
      ]);
    } finally {
      stop();
    }
    if (work.signal.aborted) return 0;
    throw vivError(
      "daemon-unavailable",
      "The background service went away.",
      "Machines go on running. Run viv events again: it is started anew.",
    );
  },
});

function concerns(event: VivEvent, names: readonly string[]): boolean {
  switch (event.event) {
    case "machine.changed":
      return names.includes(event.machine.name) || names.includes(event.machine.id);
    case "machine.removed":
    case "machine.storageChanged":
    case "machine.portsChanged":
    case "machine.readiness":
    case "machine.notice":
      return names.includes(event.name) || names.includes(event.id);
    case "image.changed":
    case "template.changed":
    case "network.changed":
      return false;
    case "daemon.stopping":
      return true;
  }
}

/** `2026-11-23T11:00:00.000Z  hello  running` */
export function eventText(event: VivEvent): string {
  return `${safeText(event.at)}  ${what()}`;

  function what(): string {
    switch (event.event) {
      case "machine.changed": {
        const doing = operationText(event.machine);
        return `${safeText(event.machine.name)}  ${stateText(event.machine)}${doing === "" ? "" : `  ${doing}`}`;
      }
      case "machine.removed":
        return `${safeText(event.name)}  removed`;
      case "machine.storageChanged":
        return `${safeText(event.name)}  disks or snapshots changed`;
      case "machine.portsChanged": {
        const ports = event.ports.map(({ protocol, address, port }) => safeText(`${protocol} ${address} ${port}`)).join(", ");
        return `${safeText(event.name)}  listens on ${ports === "" ? "nothing" : ports}`;
      }
      case "machine.readiness":
        return `${safeText(event.name)}  ready: ${safeText(event.step)} after ${Math.round(event.ms)} ms`;
      case "machine.notice":
        return `${safeText(event.name)}  ${event.level}: ${safeText(event.message)}${event.hint === undefined ? "" : ` (${safeText(event.hint)})`}`;
      case "image.changed":
        return "the images changed";
      case "template.changed":
        return "the templates changed";
      case "network.changed":
        return "the networks changed";
      case "daemon.stopping":
        return `the background service stops: ${safeText(event.reason)}`;
    }
  }
}
