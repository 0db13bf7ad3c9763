import * as vscode from "vscode";
import type { MachineDetails, MachineSummary, MachineUsage } from "../api/index.ts";
import {
  acceleratorWord,
  bytesWords,
  emulatedWarning,
  escapeMarkdown,
  isEmulated,
  lateWords,
  operationWords,
  pendingWords,
  plain,
  stateWord,
  untrustedMarkdown,
} from "../editor/index.ts";

const { l10n } = vscode;

/** Everything worth knowing at a glance; asked for when the mouse rests on the row (resolveTreeItem). */
export function machineTooltip(
  machine: MachineSummary,
  details: MachineDetails | undefined,
  usage?: MachineUsage | undefined,
): vscode.MarkdownString {
  const markdown = untrustedMarkdown();
  markdown.appendMarkdown(`**${escapeMarkdown(machine.name)}** — ${escapeMarkdown(stateWord(machine))}\n\n`);
  for (const line of trouble(machine)) markdown.appendMarkdown(`$(warning) ${escapeMarkdown(line)}\n\n`);
  const rows = details ? facts(machine, details, usage) : summaryFacts(machine);
  markdown.appendMarkdown(`| | |\n|---|---|\n${rows.map(([name, value]) => `| ${escapeMarkdown(name)} | ${value} |\n`).join("")}\n`);
  const ladder = details ? waterfall(details.ladder) : "";
  if (ladder !== "") markdown.appendMarkdown(`\n**${escapeMarkdown(l10n.t("Ready after"))}**\n${ladder}`);
  for (const line of details ? awaited(details) : []) markdown.appendMarkdown(`\n${escapeMarkdown(line)}\n`);
  if (details?.note !== undefined) markdown.appendMarkdown(`\n\n${escapeMarkdown(details.note)}`);
  return markdown;
}

function trouble(machine: MachineSummary): string[] {
  const { status } = machine;
  const operation = operationWords(machine);
  const lines = operation === undefined ? [] : [operation];
  if (status.state === "failed") lines.push(status.message, status.hint ?? "");
  if (status.state === "damaged") lines.push(status.reason, status.hint ?? "");
  if (machine.waitsFor) lines.push(lateWords(machine.waitsFor), machine.waitsFor.hint ?? "");
  if (isEmulated(machine)) lines.push(emulatedWarning());
  return lines.filter((line) => line !== "");
}

type Row = readonly [name: string, markdown: string];

function summaryFacts(machine: MachineSummary): Row[] {
  return rows([
    [l10n.t("Accelerator"), machine.accelerator === null ? undefined : acceleratorWord(machine.accelerator)],
    [l10n.t("Hardware"), hardware(machine)],
    [l10n.t("Fork of"), machine.fork?.templateName],
    [l10n.t("Image"), machine.image],
    [l10n.t("Group"), machine.group],
  ]);
}

function facts(machine: MachineSummary, details: MachineDetails, usage: MachineUsage | undefined): Row[] {
  const live = details.pid !== null;
  return [
    ...rows([[l10n.t("Up since"), details.uptimeSeconds === null ? undefined : upSince(details.uptimeSeconds)]]),
    ...rows([
      [l10n.t("CPU"), usage && l10n.t("{0} % of one core", Math.round(usage.cpuPercent))],
      [l10n.t("Memory"), usage && memoryWords(usage)],
    ]),
    ...summaryFacts(machine),
    ...rows([
      [
        l10n.t("Ports"),
        details.forwards
          .map(({ hostAddress, hostPort, guestPort, protocol }) => `${hostAddress}:${hostPort} → ${guestPort}/${protocol}`)
          .join(", "),
      ],
      [l10n.t("Disks"), details.disks.map(diskWords).join(", ")],
      [l10n.t("CD"), details.cdrom ?? undefined],
      [l10n.t("First boot"), firstBootWords(details)],
      [l10n.t("Guest agent"), live ? (details.agent.connected ? l10n.t("connected") : l10n.t("not connected")) : undefined],
      [
        l10n.t("Suspended"),
        details.suspendedBytes === null ? undefined : l10n.t("{0} of memory on disk", bytesWords(details.suspendedBytes)),
      ],
      [l10n.t("At the next start"), details.pending.map(pendingWords).join(", ")],
      [l10n.t("Folder"), details.folder],
    ]),
  ];
}

function firstBootWords({ firstBoot }: MachineDetails): string | undefined {
  if (firstBoot === null) return undefined;
  if (firstBoot.state === "pending") return l10n.t("at the next start");
  if (firstBoot.state === "running") return l10n.t("in progress");
  const problems = firstBoot.problems ?? [];
  return problems.length === 0 ? undefined : l10n.t("with problems: {0}", problems.join("; "));
}

/** What the host would have back, and what the guest makes of what it was given. */
function memoryWords({ privateBytes, residentBytes, guest }: MachineUsage): string {
  const host = l10n.t("{0} of this computer", bytesWords(privateBytes ?? residentBytes));
  if (guest === null) return host;
  return `${host}; ${l10n.t("the guest uses {0} of {1}", bytesWords(guest.totalBytes - guest.availableBytes), bytesWords(guest.totalBytes))}`;
}

/** A time, not a duration: the editor keeps a tooltip for as long as its row is not repainted. */
function upSince(uptimeSeconds: number): string {
  const started = new Date(Date.now() - uptimeSeconds * 1000);
  return uptimeSeconds < 12 * 3600 ? started.toLocaleTimeString() : started.toLocaleString();
}

function rows(pairs: readonly (readonly [string, string | undefined])[]): Row[] {
  return pairs.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, escapeMarkdown(value)] as const]));
}

function hardware({ architecture, cpus, memoryBytes }: MachineSummary): string {
  const processors = cpus === undefined ? undefined : cpus === 1 ? l10n.t("1 CPU") : l10n.t("{0} CPUs", cpus);
  return [architecture, processors, memoryBytes === undefined ? undefined : bytesWords(memoryBytes)]
    .filter((part) => part !== undefined)
    .join(", ");
}

export function diskWords(disk: MachineDetails["disks"][number]): string {
  if (disk.problem !== undefined) return `${disk.id}: ${disk.problem}`;
  const used = disk.allocatedBytes === undefined ? "" : l10n.t(" ({0} used here)", bytesWords(disk.allocatedBytes));
  return `${disk.id} ${disk.virtualBytes === undefined ? "" : bytesWords(disk.virtualBytes)}${used}`;
}

const barWidth = 24;

/** The readiness ladder: each step's bar begins where the one before it ended; a step that regressed says by how much. */
export function waterfall(ladder: MachineDetails["ladder"]): string {
  const reached = ladder.flatMap((step) => (step.ms === null ? [] : [{ ...step, ms: step.ms }]));
  const total = Math.max(1, ...reached.map(({ ms }) => ms));
  if (reached.length === 0) return "";
  const width = Math.max(9, ...reached.map(({ step }) => step.length + 1));
  const lines = reached.map(({ step, ms, tookMs, medianMs, slowerMs }) => {
    const from = Math.min(barWidth - 1, Math.round(((ms - (tookMs ?? 0)) / total) * barWidth));
    const to = Math.max(from + 1, Math.round((ms / total) * barWidth));
    const bar = `${" ".repeat(from)}${"█".repeat(to - from)}${" ".repeat(barWidth - to)}`;
    const beside =
      slowerMs !== null
        ? l10n.t("▲ {0} ms slower than usual", slowerMs)
        : medianMs === null
          ? ""
          : l10n.t("usually {0} ms", Math.round(medianMs));
    return `${plain(step).padEnd(width)}${`${Math.round(ms)} ms`.padStart(9)}  ${bar} ${beside}`.trimEnd();
  });
  return `\n\`\`\`text\n${lines.join("\n")}\n\`\`\`\n`;
}

/** What a guest that is not ready stands at, and what to look at. */
function awaited({ ladder, readiness }: MachineDetails): string[] {
  const step = readiness.ready === undefined ? ladder.find(({ state }) => state === "waiting") : undefined;
  return step ? [l10n.t("Waits for {0}: {1}.", step.step, step.description), ...(step.hint === undefined ? [] : [step.hint])] : [];
}
