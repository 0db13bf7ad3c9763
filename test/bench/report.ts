import { cpus, loadavg, release, totalmem } from "node:os";
import type { Figure, PartResult, PartResults } from "./figure.ts";
import type { Summary } from "./samples.ts";

export interface Versions {
  readonly qemu: string;
  readonly vivarium: string;
  readonly libvirt: string | undefined;
}

export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

/** One line of the terminal. */
export function line(one: Figure): string {
  const verdict = met(one) === undefined ? "" : met(one) ? `  ≤ ${number(one.limit ?? 0)}: met` : `  ≤ ${number(one.limit ?? 0)}: MISSED`;
  return `${one.title.padEnd(66)} ${value(one)}${verdict}`;
}

export function met(one: Figure): boolean | undefined {
  return one.limit === undefined ? undefined : one.value.median <= one.limit;
}

/** results.md: a table for each part; the notes below them are kept from one writing to the next. */
export function report(results: PartResults, versions: Versions, notes: string): string {
  const processors = cpus();
  const machine = `${processors.length} × ${processors[0]?.model ?? "?"}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release().split("-")[0]}, TCG`;
  const programs = [
    `Vivarium ${versions.vivarium}`,
    `QEMU ${versions.qemu}`,
    `Node ${process.versions.node}`,
    ...(versions.libvirt ? [`libvirt ${versions.libvirt}`] : []),
  ];
  return `# How fast

Written by \`npm run bench\`. ${machine}. ${programs.join(", ")}.
Each figure: median (least–most) of n runs. The programs are the built ones: \`dist/viv.js\`, and \`dist/vivd.js\` on the bundle's runtime. What is compared runs one after the other in each round.

${Object.entries(results).map(section).join("\n\n")}

${notesHeading}
${notes.trimEnd()}
`;
}

function section([name, { at, load, figures }]: [string, PartResult]): string {
  return `## ${name}

${at.slice(0, 16).replace("T", " ")} UTC, load average before and after: ${load[0].toFixed(1)}, ${load[1].toFixed(1)}.

| figure | result | target | met | how it was counted |
| --- | --- | --- | --- | --- |
${figures.map(row).join("\n")}`;
}

const notesHeading = "## Notes";

export function notesOf(previous: string): string {
  const at = previous.indexOf(`${notesHeading}\n`);
  return at < 0 ? "" : previous.slice(at + notesHeading.length + 1);
}

function row(one: Figure): string {
  const cells = [
    one.title,
    value(one),
    one.limit === undefined ? "" : `≤ ${number(one.limit)} ${one.unit}`,
    met(one) === undefined ? "" : met(one) ? "yes" : "**no**",
    one.how,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function value({ value: { median, min, max, runs }, unit }: { value: Summary; unit: string }): string {
  return `${number(median)} ${unit} (${number(min)}–${number(max)}, n=${runs})`;
}

function number(one: number): string {
  const digits = Math.abs(one) >= 100 ? 0 : Math.abs(one) >= 10 ? 1 : 2;
  return String(Number(one.toFixed(digits)));
}
