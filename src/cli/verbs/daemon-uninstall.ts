import { rm } from "node:fs/promises";
import { autostart, runAll } from "../autostart-run.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "daemon uninstall",
  summary: "No longer start the background service at login",
  usage: "",
  arguments: {},
  options: {},
  examples: [["viv daemon uninstall", "undoes viv daemon install"]],
  async run(work) {
    const plan = autostart();
    await runAll(plan.disable, work.signal);
    if (plan.file) await rm(plan.file.path, { force: true });
    work.print({ installed: false }, () => "The background service no longer starts at login.\n");
    return 0;
  },
});
