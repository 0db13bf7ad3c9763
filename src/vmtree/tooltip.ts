import * as vscode from "vscode";
import type { MachineDetails, MachineSummary, MachineUsage } from "../api/index.ts";
import {
  acceleratorWord,
  bytesWords,
  emulatedWarning,
  escapeMarkdown,
  isEmulated,
  operationWords,
  pendingWords,
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
  const ladder = details ? waterfall(details.readiness) : "";
  if (ladder !== "") markdown.appendMarkdown(`\n**${escapeMarkdown(l10n.t("Ready after"))}**\n${ladder}`);
  if (details?.note !== undefined) markdown.appendMarkdown(`\n\n${escapeMarkdown(details.note)}`);
  return markdown;
}

function trouble(machine: MachineSummary): string[] {
  const { status } = machine;
  const operation = operationWords(machine);
  const lines = operation === undefined ? [] : [operation];
  if (status.state === "failed") lines.push(status.message, status.hint ?? "");
  if (status.state === "damaged") lines.push(status.reason, status.hint ?? "");
  if (isEmulated(machine)) lines.push(emulatedWarning());
  return lines.filter((line) => line !== "");
}

type Row = readonly [name: string, markdown: string];

function summaryFacts(machine: MachineSummary): Row[] {
  return rows([
    [l10n.t("Accelerator"), machine.accelerator === null ? undefined : acceleratorWord(machine.accelerator)],
    [l10n.t("Hardware"), hardware(machine)],
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

/** The readiness ladder: each step's bar begins where the one before it ended. */
export function waterfall(readiness: MachineDetails["readiness"]): string {
  const steps = Object.entries(readiness)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .sort(([, left], [, right]) => left - right);
  const total = steps.at(-1)?.[1];
  if (total === undefined) return "";
  let before = 0;
  const lines = steps.map(([step, ms]) => {
    const from = Math.min(barWidth - 1, Math.round((before / Math.max(1, total)) * barWidth));
    const to = Math.max(from + 1, Math.round((ms / Math.max(1, total)) * barWidth));
    before = ms;
    return `${step.padEnd(9)}${`${Math.round(ms)} ms`.padStart(9)}  ${" ".repeat(from)}${"█".repeat(to - from)}`;
  });
  return `\n\`\`\`text\n${lines.join("\n")}\n\`\`\`\n`;
}
