import { machineArgument } from "../arguments.ts";
import { styleFor } from "../style.ts";
import { templateCard } from "../templates.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "template create",
  summary: "Keep a running machine's memory and disks of this moment, for forks",
  usage: "NAME [TEMPLATE] [--snapshot TAG] [--note TEXT]",
  details:
    "The machine goes on; it stands still for some tens of milliseconds. Whatever is warm in it, servers that run, files that are cached, is warm in every fork. Its memory is kept as it is, secrets too: the template's files can be read by you alone.",
  arguments: {
    name: machineArgument,
    template: { label: "TEMPLATE", summary: "What to call it; the machine's name without", optional: true },
  },
  options: {
    snapshot: { value: "TAG", summary: "Of a snapshot with memory, instead of the machine as it is" },
    note: { value: "TEXT", summary: "A text kept with it" },
  },
  examples: [
    ["viv template create web", "template web of the running machine web"],
    ["viv template create web web-ready --note 'tests installed'", "with a name and a note"],
  ],
  async run(work) {
    const { name, template } = work.args;
    const { snapshot, note } = work.options;
    const view = await work.call(
      "template.create",
      {
        machine: name,
        ...(template === undefined ? {} : { name: template }),
        ...(snapshot === undefined ? {} : { snapshot }),
        ...(note === undefined ? {} : { note }),
      },
      name,
    );
    work.print(view, () => templateCard(view, styleFor(work.host.stdout, work.host.environment)));
    work.note(`Machines in a moment: viv fork ${view.name} -n 4`);
    return 0;
  },
});
