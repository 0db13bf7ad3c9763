import { realpath } from "node:fs/promises";
import { homeFolder } from "../../api/index.ts";
import { takeDown } from "../../testvm/index.ts";
import { connecting } from "../connecting.ts";
import { folderOption } from "../testvm.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "down",
  summary: "Remove a repository's test machines for good",
  usage: "[--folder DIR]",
  details: "Those of viv up, those that viv test --keep left, and the templates of warm runs. Machines of a viv test that runs stay.",
  arguments: {},
  options: { folder: folderOption },
  examples: [["viv down", "those of the folder you stand in"]],
  async run(work) {
    const given = work.path(work.options.folder ?? ".");
    const folder = await realpath(given).catch(() => given);
    const removed = await takeDown({ connect: connecting(work), home: homeFolder() }, folder);
    work.print(removed, () => (removed.length === 0 ? "Nothing was up.\n" : removed.map((machine) => `${machine}: removed\n`).join("")));
    return 0;
  },
});
