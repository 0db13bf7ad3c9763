import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "ssh-config remove",
  summary: "Take Vivarium's Include line and file away from ssh's configuration",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv ssh-config remove", "~/.ssh/config is as it was"]],
  async run(work) {
    const after = await work.call("sshConfig.remove", {});
    work.print(after, () => `${after.userFile} does not name Vivarium any more.\n`);
    return 0;
  },
});
