import { readFile } from "node:fs/promises";
import { vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "key add",
  summary: "Let an SSH public key log in to the guest",
  usage: "NAME FILE [--user U]",
  arguments: {
    name: machineArgument,
    file: { label: "FILE", summary: "The public key, such as ~/.ssh/id_ed25519.pub", completes: "file" },
  },
  options: { user: { value: "USER", summary: "As whom (default root)" } },
  examples: [["viv key add hello ~/.ssh/id_ed25519.pub --user alice", "adds it to authorized_keys, once"]],
  async run(work) {
    const { user = "root" } = work.options;
    const { name, file } = work.args;
    const key = await readFile(work.path(file), "utf8").catch((error: unknown) => {
      throw vivError("not-found", `${file} cannot be read.`, undefined, error);
    });
    if (/PRIVATE KEY/.test(key)) throw vivError("usage", `${file} is a private key; it stays where it is.`, `Its other half: ${file}.pub`);
    const done = await work.call("guest.addKey", { machine: name, user, key: key.trim() });
    work.print(done, () => `${name}: ${done.added ? `${user} may log in with it` : "it was there already"}\n`);
    return 0;
  },
});
