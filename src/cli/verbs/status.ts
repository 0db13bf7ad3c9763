import { realpath } from "node:fs/promises";
import { homeFolder } from "../../api/index.ts";
import { standing } from "../../testvm/index.ts";
import { connecting } from "../connecting.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { folderOption } from "../testvm.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "status",
  summary: "A repository's test machines",
  usage: "[--folder DIR]",
  arguments: {},
  options: { folder: folderOption },
  examples: [["viv status", "of the folder you stand in: up, kept, running tests"]],
  async run(work) {
    const given = work.path(work.options.folder ?? ".");
    const folder = await realpath(given).catch(() => given);
    const machines = await standing({ connect: connecting(work), home: homeFolder() }, folder);
    work.print(machines, () => {
      if (machines.length === 0) return "No test machines.\n";
      const rows = machines.map(({ machine, target, kind, state }) => [machine, target ?? "", kind, state]);
      const titles = [{ title: "MACHINE" }, { title: "TARGET" }, { title: "FOR" }, { title: "STATE" }];
      return table(titles, rows, styleFor(work.host.stdout, work.host.environment));
    });
    return 0;
  },
});
