import { extname } from "node:path";
import { humanBytes, vivError } from "../../model/index.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

const formats = ["qcow2", "raw", "vmdk", "vdi"] as const;
type Format = (typeof formats)[number];

export const verb = defineVerb({
  name: "image convert",
  summary: "Write an image file in another format",
  usage: "FILE TARGET [--format FORMAT] [--overwrite]",
  arguments: {
    file: { label: "FILE", summary: "qcow2, raw, vmdk, vdi, vhdx or vpc", completes: "file" },
    target: { label: "TARGET", summary: "The file to write", completes: "file" },
  },
  options: {
    format: { value: "FORMAT", choices: formats, summary: "Default: by the target's name" },
    overwrite: { summary: "Replace the target once the new file is whole" },
  },
  examples: [["viv image convert appliance.vmdk appliance.qcow2", "VMware's disk as QEMU's"]],
  async run(work) {
    const { file, target } = work.args;
    const format = formatOf(target, work.options.format);
    const written = await work.call(
      "image.convert",
      { file: work.path(file), target: work.path(target), format, overwrite: work.options.overwrite },
      file,
    );
    work.print(written, () => `${safeText(target)}: ${format}, ${humanBytes(written.bytes)}\n`);
    return 0;
  },
});

function formatOf(target: string, given: string | undefined): Format {
  const wanted = given ?? { ".img": "raw" }[extname(target)] ?? extname(target).slice(1);
  const found = formats.find((format) => format === wanted);
  if (found) return found;
  throw vivError("usage", `“${target}” does not say its format.`, `Add --format ${formats.join("|")}.`);
}
