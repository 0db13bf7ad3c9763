import { requireBytes, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { diskArgument, limitText } from "../disks.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "disk limit",
  summary: "Limit a disk's bandwidth and operations, at once and from then on",
  usage: "NAME DISK [--read SIZE] [--write SIZE] [--reads N] [--writes N] [--none]",
  arguments: { name: machineArgument, disk: diskArgument },
  options: {
    read: { summary: "Bytes read a second (10M); 0 lifts it", value: "SIZE" },
    write: { summary: "Bytes written a second; 0 lifts it", value: "SIZE" },
    reads: { summary: "Reads a second; 0 lifts it", value: "N" },
    writes: { summary: "Writes a second; 0 lifts it", value: "N" },
    none: { summary: "Lift every limit" },
  },
  examples: [
    ["viv disk limit hello disk0 --write 20M", "at most 20 MiB written a second"],
    ["viv disk limit hello disk0 --none", "as fast as this host goes"],
  ],
  async run(work) {
    const { name, disk } = work.args;
    const { read, write, reads, writes, none } = work.options;
    const limits = {
      ...(none ? { readBytesPerSecond: 0, writeBytesPerSecond: 0, readsPerSecond: 0, writesPerSecond: 0 } : {}),
      ...(read === undefined ? {} : { readBytesPerSecond: requireBytes(read, "--read") }),
      ...(write === undefined ? {} : { writeBytesPerSecond: requireBytes(write, "--write") }),
      ...(reads === undefined ? {} : { readsPerSecond: wholeNumber(reads, "--reads") }),
      ...(writes === undefined ? {} : { writesPerSecond: wholeNumber(writes, "--writes") }),
    };
    if (Object.keys(limits).length === 0)
      throw vivError("usage", "Say which limit.", "For example: viv disk limit hello disk0 --write 20M");
    const limited = await work.call("disk.limit", { machine: name, disk, limits }, name);
    work.print(limited, () => `${disk}: ${limitText(limited.limits) || "no limit"}\n`);
    return 0;
  },
});

function wholeNumber(text: string, what: string): number {
  if (!/^\d{1,15}$/.test(text)) throw vivError("usage", `${what}: ${JSON.stringify(text)} is not a whole number.`);
  return Number(text);
}
