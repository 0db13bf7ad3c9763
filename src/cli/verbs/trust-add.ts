import { homeFolder } from "../../api/index.ts";
import { askedEnvironment, TrustStore } from "../../testvm/index.ts";
import { safeText } from "../safe.ts";
import { loadedFile } from "../testvm.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "trust add",
  summary: "Let a repository's test file run, as it is now",
  usage: "[DIR] [--allow-env NAME]…",
  details:
    "Its commands run in virtual machines, never on this computer. When .testvm/testvm.json, or a file it extends, changes, it is asked again.",
  arguments: { folder: { label: "DIR", summary: "The repository (default: where you stand)", optional: true, completes: "folder" } },
  options: { "allow-env": { value: "NAME", many: true, summary: "A variable of the environment that its guests may get" } },
  examples: [
    ["viv trust add", "the repository you stand in"],
    ["viv trust add . --allow-env NPM_TOKEN", "with a secret it asks for"],
  ],
  async run(work) {
    const loaded = await loadedFile(work, work.args.folder);
    const allowedEnvironment = [...new Set(work.options["allow-env"])].sort();
    const entry = await new TrustStore(homeFolder()).add({ folder: loaded.folder, hash: loaded.hash, allowedEnvironment });
    const withheld = askedEnvironment(loaded).filter((name) => !allowedEnvironment.includes(name));
    if (withheld.length > 0) work.note(`viv: it asks for ${withheld.map(safeText).join(", ")}, which is not allowed (--allow-env NAME)`);
    work.print(entry, () => `${safeText(entry.folder)}: trusted\n`);
    return 0;
  },
});
