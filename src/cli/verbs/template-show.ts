import { styleFor } from "../style.ts";
import { templateArgument, templateCard } from "../templates.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "template show",
  summary: "Show a template: what it is of, what it takes, what runs on it",
  usage: "TEMPLATE",
  arguments: { template: templateArgument },
  options: {},
  examples: [["viv template show web", "one template"]],
  async run(work) {
    const view = await work.call("template.show", { template: work.args.template });
    work.print(view, () => templateCard(view, styleFor(work.host.stdout, work.host.environment)));
    return 0;
  },
});
