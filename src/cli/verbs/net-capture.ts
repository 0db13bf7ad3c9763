import { parseBytes, vivError } from "../../model/index.ts";
import { networkArgument } from "../networks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "net capture",
  summary: "Write a network's frames to a pcapng file, for Wireshark and tshark",
  usage: "NET FILE [--machine NAME] [--limit SIZE] | NET --stop",
  details: "The file can be read while it grows. It ends with --stop, at its limit, or when the network's last machine stops.",
  arguments: { net: networkArgument, file: { label: "FILE", summary: "A new file", optional: true, completes: "file" } },
  options: {
    stop: { summary: "End the capture that runs" },
    machine: { summary: "Only what this machine sends and receives", value: "NAME", completes: "machine" },
    limit: { summary: "The file's size at most (default 1G)", value: "SIZE" },
  },
  examples: [
    ["viv net capture lab lab.pcapng", "then: tshark -r lab.pcapng"],
    ["viv net capture lab --stop", "how many frames there are"],
  ],
  async run(work) {
    const { net, file } = work.args;
    const { stop, machine, limit } = work.options;
    if (stop === (file !== undefined))
      throw vivError("usage", "Give a file to begin, or --stop.", "For example: viv net capture lab lab.pcapng");
    if (file === undefined) {
      const ended = await work.call("network.stopCapture", { network: net });
      work.print(ended, () => (ended === null ? `${net}: no capture ran\n` : `${ended.file}: ${ended.frames} frames\n`));
      return 0;
    }
    const maximumBytes = limit === undefined ? undefined : parseBytes(limit);
    if (limit !== undefined && maximumBytes === undefined)
      throw vivError("usage", `--limit: “${limit}” is not a size.`, "For example 100M");
    const begun = await work.call("network.startCapture", {
      network: net,
      file: work.path(file),
      ...(machine === undefined ? {} : { machine }),
      ...(maximumBytes === undefined ? {} : { maximumBytes }),
    });
    work.print(begun, () => `${begun.file}\n`);
    return 0;
  },
});
