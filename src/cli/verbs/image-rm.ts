import { humanBytes } from "../../model/index.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "image rm",
  summary: "Take an image out of the store",
  usage: "NAME [--arch ARCH]",
  details: "Refused while a machine is built on it, one in the trash included.",
  arguments: { name: { label: "NAME", summary: "The image", completes: "image" } },
  options: { arch: { value: "ARCH", choices: ["x86_64", "aarch64"], summary: "Which, where there are two of the name" } },
  examples: [["viv image rm debian:12", "viv prune removes all that nobody needs"]],
  async run(work) {
    const { name } = work.args;
    const { arch } = work.options;
    const gone = await work.call(
      "image.remove",
      { name, ...(arch === "x86_64" || arch === "aarch64" ? { architecture: arch } : {}) },
      name,
    );
    work.print(gone, () => `${name}: removed, ${humanBytes(gone.freedBytes)} free\n`);
    return 0;
  },
});
