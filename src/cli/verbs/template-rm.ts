import { humanBytes } from "../../model/index.ts";
import { forEachName } from "../each.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "template rm",
  summary: "Delete templates for good",
  usage: "TEMPLATE…",
  details: "Refused while a fork of it runs. Forks that are stopped stay: they have their disks, and boot.",
  arguments: { names: { label: "TEMPLATE", summary: "The templates' names (or ids)", many: true } },
  options: {},
  examples: [["viv template rm web", "its memory and what only it holds of the disks"]],
  run: (work) =>
    forEachName(
      work,
      work.args.names,
      (name) => work.call("template.remove", { template: name }, name),
      (name, { freedBytes }) => `${name}: deleted, ${humanBytes(freedBytes)} freed\n`,
    ),
});
