import { realpath } from "node:fs/promises";
import { homeFolder } from "../../api/index.ts";
import { vivError } from "../../model/index.ts";
import { TrustStore } from "../../testvm/index.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "trust rm",
  summary: "Ask again before a repository's test file runs",
  usage: "[DIR]",
  arguments: { folder: { label: "DIR", summary: "The repository (default: where you stand)", optional: true, completes: "folder" } },
  options: {},
  examples: [["viv trust rm", "the repository you stand in"]],
  async run(work) {
    const given = work.path(work.args.folder ?? ".");
    const folder = await realpath(given).catch(() => given);
    const removed = await new TrustStore(homeFolder()).remove(folder);
    if (removed === 0) throw vivError("not-found", `${folder} is not trusted.`, "viv trust ls lists what is.");
    work.print({ folder, removed }, () => `${safeText(folder)}: no longer trusted\n`);
    return 0;
  },
});
