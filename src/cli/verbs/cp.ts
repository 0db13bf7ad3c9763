import { sep } from "node:path";
import { copyFromGuest, copyToGuest, parsePlace } from "../../copy/index.ts";
import { humanBytes, vivError } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "cp",
  summary: "Copy files and folders into a guest and out of it",
  usage: "SRC DST",
  details:
    "One of the two is NAME:/path in a guest that has viv-agent (the starter guest does). Folders are copied whole; modes, times and links are kept, owners become the user's. " +
    "Into a folder that exists (or a path that ends with a slash) it goes under its own name. Both sides count the SHA-256 of what travelled, and they must agree.",
  arguments: {
    source: { label: "SRC", summary: "A path of this host, or NAME:/path", completes: "file" },
    target: { label: "DST", summary: "NAME:/path, or a path of this host", completes: "file" },
  },
  options: {},
  examples: [
    ["viv cp notes.txt hello:/root/", "a file into the guest"],
    ["viv cp hello:/var/log ./logs", "a folder out of it"],
    ["viv cp src hello:/work/src", "a tree under another parent"],
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
    const told = () => undefined;
    const copying = { client: await work.client(), signal: work.signal };
    const local = (path: string) => work.path(path) + (/[\\/]$/.test(path) ? sep : "");
    const copied =
      target.kind === "guest"
        ? await copyToGuest(copying, work.path(work.args.source), target, told)
        : source.kind === "guest"
          ? await copyFromGuest(copying, source, local(work.args.target), told)
          : undefined;
    if (copied === undefined) throw vivError("usage", "One of the two must be in a guest.");
    work.print(copied, () => `${safeText(copied.target)}: ${humanBytes(copied.bytes)}\n`);
    return 0;
  },
});
