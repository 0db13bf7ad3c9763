import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "image verify",
  summary: "Read an image again and compare it with its digest",
  usage: "NAME [--arch ARCH]",
  arguments: { name: { label: "NAME", summary: "The image", completes: "image" } },
  options: { arch: { value: "ARCH", choices: ["x86_64", "aarch64"], summary: "Which, where there are two of the name" } },
  examples: [["viv image verify debian:12", "1 when a byte of it changed"]],
  async run(work) {
    const { name } = work.args;
    const { arch } = work.options;
    const found = await work.call(
      "image.verify",
      { name, ...(arch === "x86_64" || arch === "aarch64" ? { architecture: arch } : {}) },
      name,
    );
    work.print(found, () => `${name}: sound\n`);
    return 0;
  },
});
