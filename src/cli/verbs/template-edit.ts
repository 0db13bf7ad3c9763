import { vivError } from "../../model/index.ts";
import { styleFor } from "../style.ts";
import { templateArgument, templateCard } from "../templates.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "template edit",
  summary: "Rename a template or change its note",
  usage: "TEMPLATE [--name NEW] [--note TEXT]",
  arguments: { template: templateArgument },
  options: {
    name: { summary: "Its new name", value: "NEW" },
    note: { summary: "Its new note; an empty one removes it", value: "TEXT" },
  },
  examples: [["viv template edit web-3f2a --name web-ready", "one that a fork made is kept by giving it a name"]],
  async run(work) {
    const { name, note } = work.options;
    if (name === undefined && note === undefined)
      throw vivError("usage", "Nothing is to be changed.", "Usage: viv template edit TEMPLATE [--name NEW] [--note TEXT]");
    const view = await work.call("template.edit", {
      template: work.args.template,
      ...(name === undefined ? {} : { name }),
      ...(note === undefined ? {} : { note }),
    });
    work.print(view, () => templateCard(view, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});
