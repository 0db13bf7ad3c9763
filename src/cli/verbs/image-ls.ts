import { humanBytes } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { styleFor } from "../style.ts";
import { table } from "../table.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "image ls",
  summary: "List the images machines can be made from",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv image ls", "names for viv create --image"]],
  async run(work) {
    const images = await work.call("image.list", { usage: true });
    work.print(images, () => {
      if (images.length === 0) return "No images.\n";
      const rows = images.map((image) => [
        image.name,
        image.architecture,
        image.version,
        humanBytes(image.bytes),
        image.source,
        (image.usedBy ?? []).map(({ name, removed }) => safeText(removed ? `${name} (removed)` : name)).join(", ") || "–",
        safeText(image.title),
      ]);
      return table(
        [
          { title: "NAME" },
          { title: "ARCH" },
          { title: "VERSION" },
          { title: "SIZE", align: "right" },
          { title: "SOURCE" },
          { title: "USED BY" },
          { title: "TITLE" },
        ],
        rows,
        styleFor(work.host.stdout, work.host.environment),
      );
    });
    return 0;
  },
});
