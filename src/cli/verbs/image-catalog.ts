import { humanBytes } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";
import { webOf } from "../web.ts";

export const verb = defineVerb({
  name: "image catalog",
  summary: "List the images that can be pulled by name",
  usage: "[--updates]",
  details: "With --updates the publishers of the images that are here are asked whether they have newer ones; nothing is fetched.",
  arguments: {},
  options: { updates: { summary: "Ask for newer versions of what is here" } },
  examples: [
    ["viv image catalog", "names for viv image pull"],
    ["viv image catalog --updates", "which of them have a newer version"],
  ],
  async run(work) {
    const web = webOf(work.host.environment, work.path);
    const style = styleFor(work.host.stdout, work.host.environment);
    if (work.options.updates) {
      const updates = await work.call("image.updates", web);
      work.print(updates, () => {
        if (updates.length === 0) return "No image here was pulled by name.\n";
        const rows = updates.map(({ name, architecture, available, problem }) => [
          safeText(name),
          architecture,
          problem === undefined ? (available ? `newer: viv image pull ${safeText(name)}` : "up to date") : safeText(problem),
        ]);
        return table([{ title: "NAME" }, { title: "ARCH" }, { title: "PUBLISHER" }], rows, style);
      });
      return 0;
    }
    const images = await work.call("image.catalog", web);
    work.print(images, () => {
      const rows = images.map((image) => [
        safeText(image.name),
        image.architectures
          .map(({ architecture, here, absent }) => (absent === undefined ? `${architecture}${here ? "*" : ""}` : ""))
          .filter(Boolean)
          .join(" "),
        humanBytes(image.minimumMemoryBytes),
        safeText(image.login),
        image.architectures.some(({ signed }) => signed === true)
          ? "signed list"
          : image.architectures.some(({ url }) => url !== undefined)
            ? "https list"
            : "built in",
        safeText(image.title),
      ]);
      const columns = [
        { title: "NAME" },
        { title: "ARCH" },
        { title: "MEMORY", align: "right" as const },
        { title: "USER" },
        { title: "PROOF" },
        { title: "TITLE" },
      ];
      return `${table(columns, rows, style)}* is here already\n`;
    });
    return 0;
  },
});
