import { thisBuild } from "../../api/index.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "version",
  summary: "Print viv's version",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv version --json", "version, build, runtime"]],
  async run(work) {
    const value = { ...thisBuild, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
    work.print(value, () => `viv ${value.version} (build ${value.build}, Node ${value.node}, ${value.platform})\n`);
    return 0;
  },
});
