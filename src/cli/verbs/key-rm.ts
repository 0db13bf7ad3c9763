import { vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "key rm",
  summary: "Take an SSH public key of the guest away",
  usage: "NAME KEY [--user U]",
  arguments: { name: machineArgument, key: { label: "KEY", summary: "A line of viv key ls, or its long middle part" } },
  options: { user: { value: "USER", summary: "Whose (default root)" } },
  examples: [["viv key rm hello AAAAC3NzaC1lZDI1NTE5…", "by its long middle part"]],
  async run(work) {
    const { user = "root" } = work.options;
    const { name, key } = work.args;
    if (key.length < 16) throw vivError("usage", "That is no SSH public key.", `The keys: viv key ls ${name}`);
    const done = await work.call("guest.removeKey", { machine: name, user, key });
    if (done.removed === 0) throw vivError("not-found", `${user} in ${name} has no such key.`, `The keys: viv key ls ${name}`);
    work.print(done, () => `${name}: ${done.removed === 1 ? "the key is gone" : `${done.removed} lines with it are gone`}\n`);
    return 0;
  },
});
