import type { HostReport } from "../api/index.ts";
import { humanBytes } from "../model/index.ts";
import { safeText } from "./safe.ts";
import type { Colour, Style } from "./style.ts";
import { fields, table } from "./table.ts";

/** The host report for people. */
export function hostCard(report: HostReport, style: Style): string {
  const { qemu, qemuProblem } = report;
  const head = fields(
    [
      [
        "host",
        safeText(
          `${report.platform} ${report.architecture}, ${report.cores} ${report.cores === 1 ? "core" : "cores"}, ${humanBytes(report.memoryBytes)}`,
        ),
      ],
      ["qemu", qemu === null ? style.paint("red", "none that works") : safeText(`${qemu.version} (${qemu.source}) ${qemu.path}`)],
      ["problem", qemuProblem === null ? undefined : safeText(qemuProblem.message)],
      ["home", safeText(`${report.home}, ${humanBytes(report.freeBytes)} free`)],
    ],
    style,
  );
  return [head, accelerators(report, style), features(report, style)].filter((part) => part !== "").join("\n");
}

type Accelerator = HostReport["accelerators"][number];

function accelerators(report: HostReport, style: Style): string {
  if (report.accelerators.length === 0) return "";
  const rows = report.accelerators.map((one) => [
    { text: `${one.chosen ? "*" : " "} ${one.name}`, ...(one.chosen ? { colour: "bold" as const } : {}) },
    { text: verdict(one), colour: verdictColour(one) },
    one.relativeSpeed === null ? "-" : `${one.relativeSpeed >= 10 ? Math.round(one.relativeSpeed) : one.relativeSpeed.toFixed(1)}x`,
    one.loopMs === null ? "-" : `${Math.round(one.loopMs)} ms`,
    reason(one),
  ]);
  const columns = [
    { title: "  ACCELERATOR" },
    { title: "VERDICT" },
    { title: "SPEED", align: "right" as const },
    { title: "LOOP", align: "right" as const },
    { title: "WHY" },
  ];
  const hints = report.accelerators
    .filter((one) => one.hint !== undefined && !one.works)
    .map((one) => `  ${safeText(one.name)}: ${safeText(one.hint ?? "")}\n`);
  return `${table(columns, rows, style)}  (* is what machines get; speed is measured against tcg)\n${hints.join("")}`;
}

function verdict(one: Accelerator): string {
  if (one.works) return "works";
  if (!one.builtIn) return "not built in";
  return one.permitted ? "does not run" : "not permitted";
}

function verdictColour(one: Accelerator): Colour {
  return one.works ? "green" : one.builtIn ? "red" : "dim";
}

function reason(one: Accelerator): string {
  const boundary = "emulated: not a security boundary";
  if (one.name !== "tcg" || one.reason.includes(boundary)) return one.reason;
  return one.reason === "" ? boundary : `${one.reason}; ${boundary}`;
}

function features(report: HostReport, style: Style): string {
  const here = report.features.filter((feature) => feature.available).map((feature) => safeText(feature.title));
  const missing = report.features.filter((feature) => !feature.available);
  const lines = missing.map((feature) => `    ${style.paint("bold", safeText(feature.title))}: ${safeText(whyNot(feature))}\n`);
  return [
    here.length === 0 ? "" : `  ${style.paint("dim", "works here")}\n${here.map((title) => `    ${title}\n`).join("")}`,
    lines.length === 0 ? "" : `  ${style.paint("dim", "not here")}\n${lines.join("")}`,
  ].join("");
}

function whyNot({ reason, instead }: HostReport["features"][number]): string {
  return instead === "" ? reason : `${reason} Instead: ${instead}`;
}
