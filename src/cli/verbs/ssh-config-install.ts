import { vivError } from "../../model/index.ts";
import { ask } from "../ask.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "ssh-config install",
  summary: "Let ssh, scp, rsync, git and Remote-SSH know every machine as NAME.viv",
  usage: "[--yes]",
  details:
    "One Include line at the top of ~/.ssh/config, which is backed up first, and a file of Vivarium's own beside it, kept current as machines come and go. A machine that does not run is booted when somebody connects; no port is needed. No other host name is touched.",
  arguments: {},
  options: { yes: { summary: "Do not ask" } },
  examples: [
    ["viv ssh-config install", "then: ssh hello.viv"],
    ["rsync -a src/ hello.viv:/work/", "any program that uses ssh"],
  ],
  async run(work) {
    const before = await work.call("sshConfig.show", {});
    if (!before.installed && !work.options.yes) {
      if (work.host.stdin.isTTY !== true)
        throw vivError("usage", "Nobody is there to be asked.", "To change ~/.ssh/config without a question: viv ssh-config install --yes");
      if (!(await ask(work, `Put “${before.include}” at the top of ${before.userFile}?`, "yes"))) return 1;
    }
    const after = await work.call("sshConfig.install", {});
    work.print(after, () => `ssh knows every machine as NAME.viv (${after.userFile} includes ${after.ownFile}).\n`);
    return 0;
  },
});
