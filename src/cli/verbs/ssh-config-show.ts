import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "ssh-config show",
  summary: "Show what ssh is told of the machines, and whether it is told",
  usage: "",
  arguments: {},
  options: {},
  examples: [
    ["viv ssh-config show", "the text of Vivarium's file"],
    ["viv ssh-config show --json", "its place, and whether it is installed"],
  ],
  async run(work) {
    const view = await work.call("sshConfig.show", {});
    if (!view.installed) work.note(`Not installed: ${view.userFile} does not include it (viv ssh-config install).`);
    work.print(view, () => view.text);
    return 0;
  },
});
