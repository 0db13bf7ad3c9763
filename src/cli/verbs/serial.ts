import { requireDuration, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { attachConsole } from "../console.ts";
import { defineVerb } from "../verb.ts";

const replayBytes = 65_536;

export const verb = defineVerb({
  name: "serial",
  summary: "Attach to the serial console",
  usage: "NAME [--until TEXT] [--timeout 60s]",
  details:
    "On a terminal every key goes to the guest; Ctrl+] detaches. The last 64 KiB of the console come first. " +
    "With a pipe on stdin its bytes are typed, and viv ends when the console has then been silent for a second. " +
    "With --until it ends with 0 as soon as the console prints TEXT (only what comes from now on counts, so nothing is replayed), and fails after --timeout.",
  arguments: { name: machineArgument },
  options: {
    until: { value: "TEXT", summary: "End when the console has printed this" },
    timeout: { value: "DURATION", summary: "End after this time (with --until: fail; default 60s then)" },
  },
  examples: [
    ["viv serial hello", "a terminal on the guest's console"],
    ["echo uname -a | viv serial hello", "type a line, see what comes"],
    ["printf 'reboot\\n' | viv serial hello --until 'login:' --timeout 2m", "until the prompt is back"],
  ],
  async run(work) {
    const { name } = work.args;
    const { until, timeout } = work.options;
    if (work.json) throw vivError("usage", "A console has no JSON form.", "viv logs NAME --serial --json gives its log.");
    if (until === "") throw vivError("usage", "--until needs a text.");
    const timeoutMs = timeout === undefined ? (until === undefined ? undefined : 60_000) : requireDuration(timeout);
    const stream = await work.openSerial(name, until === undefined ? replayBytes : 0);
    return attachConsole(work, name, stream, { until, timeoutMs });
  },
});
