import { humanBytes } from "../model/index.ts";
import type { AcceleratorReport, HostReport } from "./types.ts";

const platformTitles = { linux: "Linux", darwin: "macOS", win32: "Windows" } as const;
const sourceTitles = { setting: "from the setting vivarium.qemuPath", bundle: "Vivarium's own", path: "from PATH" } as const;

/** The report for people, as `viv doctor` prints it: plain text, one line a fact, hints below what they help with. */
export function reportText(report: HostReport): string {
  const { toolchain } = report;
  return [
    `Host          ${platformTitles[report.platform]}, ${report.architecture}, ${report.cores} cores, ${humanBytes(report.memoryBytes)}`,
    ...(report.translated === undefined ? [] : [`              ${report.translated}`]),
    `QEMU          ${toolchain.version}, ${sourceTitles[toolchain.source]}${toolchain.root === undefined ? "" : ` (${toolchain.root})`}`,
    `Programs      ${toolchain.programs.join(", ")}`,
    "",
    "Accelerators",
    ...report.accelerators.flatMap(acceleratorLines),
    "",
    "Features",
    ...report.features.flatMap(({ title, available, reason, instead }) => [
      `  ${available ? "yes" : "no "}  ${title}`,
      ...(reason === undefined ? [] : [`       ${reason}`]),
      ...(available || instead === undefined ? [] : [`       Instead: ${instead}`]),
    ]),
    "",
  ].join("\n");
}

function acceleratorLines(one: AcceleratorReport): string[] {
  const state = one.chosen ? "chosen" : one.works ? "works" : "no";
  const speed = one.speed === undefined ? "" : `, ${one.speed} × TCG`;
  const measured = one.score === undefined ? "" : ` (test loop ${one.score} ms${speed})`;
  return [
    `  ${state.padEnd(6)}  ${one.title}${measured}`,
    ...(one.reason === undefined ? [] : [`          ${one.reason}`]),
    ...(one.hint === undefined ? [] : [`          Hint: ${one.hint}`]),
  ];
}
