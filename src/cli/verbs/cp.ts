import { sep } from "node:path";
import { type Copied, type CopyOptions, copyFromGuest, copyToGuest, parsePlace } from "../../copy/index.ts";
import { humanBytes, vivError } from "../../model/index.ts";
import { byteRate } from "../rate.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "cp",
  summary: "Copy files and folders into a guest and out of it",
  usage: "SRC DST [--resume] [--way WAY]",
  details:
    "One of the two is NAME:/path. By viv-agent where the guest has it (the starter does; viv agent install puts it into others), else by tar over SSH, a single file also by qemu-guest-agent; what was taken is said. " +
    "Folders are copied whole; modes, times and links are kept, owners become the user's. Into a folder that exists (or a path that ends with a slash) it goes under its own name. " +
    "By viv-agent both sides count the SHA-256 of what travelled, and they must agree. A large file that was interrupted goes on where it stood when it is copied again; --resume leaves out the files of a folder that are there already, with equal size, time and content.",
  arguments: {
    source: { label: "SRC", summary: "A path of this host, or NAME:/path", completes: "file" },
    target: { label: "DST", summary: "NAME:/path, or a path of this host", completes: "file" },
  },
  options: {
    resume: { summary: "Leave out what is there already, with equal size, time and content" },
    way: { value: "WAY", choices: ["auto", "viv-agent", "ssh", "agent"], summary: "How to reach the guest" },
  },
  examples: [
    ["viv cp notes.txt hello:/root/", "a file into the guest"],
    ["viv cp hello:/var/log ./logs", "a folder out of it"],
    ["viv cp src hello:/work/src", "a tree under another parent"],
    ["viv cp --resume photos hello:/srv/", "only what is not there yet"],
  ],
  async run(work) {
    const source = parsePlace(work.args.source);
    const target = parsePlace(work.args.target);
    if (source.kind === target.kind)
      throw vivError(
        "usage",
        source.kind === "guest" ? "Between two guests, copy to this host first." : "One of the two must be in a guest.",
        "For example viv cp notes.txt hello:/root/",
      );
    const told = byteRate((report) => work.progress(report));
    const copying = { client: await work.client(), signal: work.signal };
    const { resume, way } = work.options;
    const options: CopyOptions = { resume, ...(way === "viv-agent" || way === "ssh" || way === "agent" ? { way } : {}) };
    const local = (path: string) => work.path(path) + (/[\\/]$/.test(path) ? sep : "");
    const copied =
      target.kind === "guest"
        ? await copyToGuest(copying, work.path(work.args.source), target, told, options)
        : source.kind === "guest"
          ? await copyFromGuest(copying, source, local(work.args.target), told, options)
          : undefined;
    if (copied === undefined) throw vivError("usage", "One of the two must be in a guest.");
    for (const path of copied.leftOut) work.note(`viv: ${path} is a socket, pipe or device: left out`);
    work.print(copied, () => sentence(copied));
    return 0;
  },
});

const ways = { "viv-agent": "viv-agent", ssh: "SSH", agent: "qemu-guest-agent" } as const;

function sentence({ target, files, bytes, skipped, resumedBytes, way }: Copied): string {
  const extras = [
    ...(skipped > 0 ? [`${skipped} there already`] : []),
    ...(resumedBytes > 0 ? [`went on at ${humanBytes(resumedBytes)}`] : []),
  ];
  const count = `${files} ${files === 1 ? "file" : "files"}, ${humanBytes(bytes)}`;
  return `${safeText(target)}: ${[count, ...extras].join(", ")} (by ${ways[way]})\n`;
}
