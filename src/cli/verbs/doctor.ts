import { isErrorCode, vivError } from "../../model/index.ts";
import { hostCard } from "../host-card.ts";
import { styleFor } from "../style.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "doctor",
  summary: "What this host offers: accelerators with measured speed, QEMU, features and why not",
  usage: "[--fresh]",
  details: "Each accelerator is tried by booting a tiny program, not by looking for a device. Exit code 5 when no machine can run here.",
  arguments: {},
  options: { fresh: { summary: "Measure again (the result is kept until the host boots or QEMU changes)" } },
  examples: [
    ["viv doctor", "a report for people"],
    ["viv doctor --json | jq -r '.accelerators[] | select(.chosen).name'", "the accelerator machines get"],
  ],
  async run(work) {
    const report = await work.call("host.report", { fresh: work.options.fresh });
    work.print(report, () => hostCard(report, styleFor(work.host.stdout, work.host.environment)));
    const { qemuProblem } = report;
    if (report.qemu !== null || qemuProblem === null) return 0;
    throw vivError(isErrorCode(qemuProblem.code) ? qemuProblem.code : "qemu-missing", qemuProblem.message, qemuProblem.hint);
  },
});
