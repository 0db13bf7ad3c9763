import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { autostart, runAll } from "../autostart-run.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "daemon install",
  summary: "Start the background service at login, and let it suspend machines at logout",
  usage: "",
  details:
    "Makes a systemd user unit (Linux), a LaunchAgent (macOS) or a logon task (Windows). Without it any viv command or editor window starts the service when it is needed.",
  arguments: {},
  options: {},
  examples: [["viv daemon install", "machines are suspended when you log out"]],
  async run(work) {
    const plan = autostart();
    if (plan.file) {
      await mkdir(dirname(plan.file.path), { recursive: true });
      await writeFile(plan.file.path, plan.file.text, { mode: 0o600 });
    }
    await runAll(plan.enable, work.signal);
    work.print(
      { installed: true, file: plan.file?.path ?? null },
      () => `The background service starts at login${plan.file ? ` (${plan.file.path})` : ""}.\n`,
    );
    return 0;
  },
});
