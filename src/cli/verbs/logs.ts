import { requireBytes, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { followFile } from "../follow.ts";
import { safeBlock } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "logs",
  summary: "Print the end of a machine's log",
  usage: "NAME [--serial | --qemu | --events] [--bytes 64K] [--follow]",
  details:
    "The serial console's by default. On a terminal control characters are left out; in a pipe or a file the bytes are as they were written.",
  arguments: { name: machineArgument },
  options: {
    serial: { summary: "What the guest printed on its serial console (the default)" },
    qemu: { summary: "What QEMU said on stderr" },
    events: { summary: "What happened to the machine" },
    bytes: { value: "SIZE", summary: "How much of the end (default 64K, at most 16M)" },
    follow: { short: "f", summary: "Go on printing what is added" },
  },
  examples: [
    ["viv logs hello", "the console's last 64 KiB"],
    ["viv logs hello --qemu", "why QEMU gave up"],
    ["viv logs hello --events --follow", "what happens from now on, too"],
  ],
  async run(work) {
    const { serial, qemu, events, bytes, follow } = work.options;
    if ([serial, qemu, events].filter(Boolean).length > 1)
      throw vivError("usage", "--serial, --qemu and --events exclude each other.", "Run viv logs once for each.");
    if (follow && work.json)
      throw vivError("usage", "--follow and --json exclude each other.", "viv events --json gives events as JSON lines.");
    const log = qemu ? "qemu" : events ? "events" : "serial";
    const maximumBytes = bytes === undefined ? undefined : requireBytes(bytes, "--bytes");
    const forTerminal = work.host.stdout.isTTY === true;
    const shown = (text: string): string => (forTerminal ? safeBlock(text) : text);
    const end = await work.call(
      "machine.logs",
      { machine: work.args.name, log, ...(maximumBytes === undefined ? {} : { maximumBytes }) },
      work.args.name,
    );
    if (!follow) {
      work.print(end, () => shown(end.text));
      return 0;
    }
    await followFile(end.file, maximumBytes ?? 65_536, work.signal, (data) =>
      work.host.stdout.write(forTerminal ? safeBlock(data.toString("utf8")) : data),
    );
    return 0;
  },
});
