import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "image check",
  summary: "Check an image file that no machine uses",
  usage: "FILE",
  arguments: { file: { label: "FILE", summary: "qcow2, vmdk, vdi or vhdx", completes: "file" } },
  options: {},
  examples: [["viv image check disk.qcow2", "1 when something is lost in it"]],
  async run(work) {
    const found = await work.call("image.check", { file: work.path(work.args.file) }, work.args.file);
    work.print(found, () => {
      const leaks = found.leaks === 0 ? "" : `, ${found.leaks} clusters wasted`;
      return `${safeText(work.args.file)}: ${found.sound ? "sound" : `${found.corruptions} corruptions`}${leaks}\n`;
    });
    return found.sound ? 0 : 1;
  },
});
