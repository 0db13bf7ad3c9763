import { homeFolder } from "../../api/index.ts";
import { TrustStore } from "../../testvm/index.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { timeText } from "../times.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "trust ls",
  summary: "List which repositories' test files may run",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv trust ls", "folders, and what of the environment their guests get"]],
  async run(work) {
    const entries = await new TrustStore(homeFolder()).list();
    work.print(entries, () => {
      if (entries.length === 0) return "No repository is trusted.\n";
      const rows = entries.map(({ folder, allowedEnvironment, at, hash }) => [
        folder,
        allowedEnvironment.join(" "),
        timeText(at),
        hash.slice(0, 12),
      ]);
      const titles = [{ title: "FOLDER" }, { title: "ENVIRONMENT" }, { title: "SINCE" }, { title: "FILE" }];
      return table(titles, rows, styleFor(work.host.stdout, work.host.environment));
    });
    return 0;
  },
});
