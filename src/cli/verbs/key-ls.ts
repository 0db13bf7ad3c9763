import { machineArgument } from "../arguments.ts";
import { safeText } from "../safe.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "key ls",
  summary: "The SSH public keys that may log in to the guest",
  usage: "NAME [--user U]",
  arguments: { name: machineArgument },
  options: { user: { value: "USER", summary: "As whom (default root)" } },
  examples: [["viv key ls hello --user alice", "as in authorized_keys"]],
  async run(work) {
    const { user = "root" } = work.options;
    const { keys } = await work.call("guest.listKeys", { machine: work.args.name, user });
    work.print(keys, () => keys.map((key) => `${safeText(key)}\n`).join(""));
    return 0;
  },
});
