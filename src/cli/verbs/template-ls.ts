import { styleFor } from "../style.ts";
import { templateTable } from "../templates.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "template ls",
  summary: "List the templates, what they take and what runs on them",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv template ls", "names for viv fork"]],
  async run(work) {
    const list = await work.call("template.list", {});
    work.print(list, () => templateTable(list, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});
