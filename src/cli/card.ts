import type { MachineDetails, MachineUsage } from "../api/index.ts";
import { humanBytes, valueText } from "../model/index.ts";
import { safeBlock, safeText } from "./safe.ts";
import { operationText, stateColour, stateGlyph, stateText } from "./state.ts";
import type { Style } from "./style.ts";
import { fields } from "./table.ts";
import { durationText } from "./times.ts";

/** One machine as a card of fields, with its readiness as bars. */
export function machineCard(machine: MachineDetails, style: Style, usage?: MachineUsage): string {
  const state = style.paint(stateColour(machine), `${style.glyphs ? `${stateGlyph(machine)} ` : ""}${stateText(machine)}`);
  const title = `${style.paint("bold", safeText(machine.name))}  ${state}\n`;
  return title + trouble(machine, style) + fields(pairs(machine, usage), style) + waterfall(machine, style);
}

/** Why it failed or is damaged, and what to do. */
function trouble(machine: MachineDetails, style: Style): string {
  const { status } = machine;
  if (status.state !== "failed" && status.state !== "damaged") return "";
  const message = status.state === "failed" ? status.message : status.reason;
  const lines = safeBlock(message).trimEnd().split("\n");
  const hint = status.hint === undefined ? "" : `  ${safeText(status.hint)}\n`;
  return lines.map((line) => `  ${style.paint("red", line)}\n`).join("") + hint;
}

function pairs(machine: MachineDetails, usage: MachineUsage | undefined): (readonly [string, string | undefined])[] {
  const accelerator =
    machine.accelerator === null
      ? undefined
      : `${safeText(machine.accelerator)}${machine.emulated ? " (emulated: not a security boundary)" : ""}`;
  return [
    ["operation", operationText(machine)],
    ["uptime", machine.uptimeSeconds === null ? undefined : durationText(machine.uptimeSeconds)],
    ["process", machine.pid === null ? undefined : String(machine.pid)],
    ["accelerator", accelerator],
    ["hardware", hardware(machine)],
    ["load", usage && `${Math.round(usage.cpuPercent)} % of one core`],
    ["memory", usage && memoryText(usage)],
    ["image", optional(machine.image)],
    ["group", optional(machine.group)],
    ["note", optional(machine.note)],
    ["disks", machine.disks.map(diskLine).join("\n")],
    ["cdrom", machine.cdrom === null ? undefined : safeText(machine.cdrom)],
    ["networks", machine.networks.map(networkLine).join("\n")],
    [
      "forwards",
      machine.forwards
        .map((forward) => safeText(`${forward.hostAddress}:${forward.hostPort} -> ${forward.guestPort}/${forward.protocol}`))
        .join("\n"),
    ],
    ["snapshots", machine.snapshots.length === 0 ? undefined : String(machine.snapshots.length)],
    ["first boot", firstBootText(machine)],
    ["agent", machine.pid === null ? undefined : machine.agent.connected ? "connected" : "not connected"],
    ["suspended", machine.suspendedBytes === null ? undefined : `${humanBytes(machine.suspendedBytes)} of memory on disk`],
    ["next start", machine.pending.map((change) => safeText(pendingText(change))).join("\n")],
    ["folder", safeText(machine.folder)],
    ["id", safeText(machine.id)],
  ];
}

/** `memory: 512M -> 1G`. */
export function pendingText({ path, before, after }: MachineDetails["pending"][number]): string {
  return `${path}: ${valueText(before)} -> ${valueText(after)}`;
}

/** What `set` and `edit` add to their line. */
export function waitingText({ pending }: MachineDetails): string {
  return pending.length === 0 ? "" : ` (at the next start: ${pending.map((change) => safeText(pendingText(change))).join("; ")})`;
}

function firstBootText({ firstBoot }: MachineDetails): string | undefined {
  if (firstBoot === null) return undefined;
  if (firstBoot.state !== "done") return firstBoot.state === "pending" ? "at the next start" : "in progress";
  const problems = firstBoot.problems ?? [];
  return problems.length === 0 ? undefined : `with problems:\n${problems.map((text) => safeText(text)).join("\n")}`;
}

function optional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : safeText(text);
}

function hardware(machine: MachineDetails): string {
  const parts = [
    machine.architecture,
    machine.cpus === undefined ? undefined : `${machine.cpus} ${machine.cpus === 1 ? "CPU" : "CPUs"}`,
    machine.memoryBytes === undefined ? undefined : humanBytes(machine.memoryBytes),
    machine.firmware,
    machine.display === undefined ? undefined : `display ${machine.display}`,
  ];
  return safeText(parts.filter((part) => part !== undefined).join(", "));
}

function memoryText({ privateBytes, residentBytes, guest }: MachineUsage): string {
  const host = `${humanBytes(privateBytes ?? residentBytes)} on this host`;
  return guest === null
    ? host
    : `${host}; the guest uses ${humanBytes(guest.totalBytes - guest.availableBytes)} of ${humanBytes(guest.totalBytes)}`;
}

function diskLine(disk: MachineDetails["disks"][number]): string {
  const size = disk.virtualBytes === undefined ? "" : ` ${humanBytes(disk.virtualBytes)}`;
  const allocated = disk.allocatedBytes === undefined ? "" : ` (${humanBytes(disk.allocatedBytes)} on this host)`;
  const problem = disk.problem === undefined ? "" : ` PROBLEM: ${disk.problem}`;
  return safeText(`${disk.id} ${disk.bus} ${disk.format}${size}${allocated}${problem}`);
}

function networkLine(network: MachineDetails["networks"][number]): string {
  const link = network.linkUp ? "" : " link down";
  return safeText(
    [network.network === undefined ? network.mode : `${network.mode}:${network.network}`, network.model, network.mac].join(" ") + link,
  );
}

const barWidth = 40;

/** The readiness ladder as bars: each begins where the step before it ended; what past starts took, and what is awaited, beside it. */
export function waterfall({ ladder, readiness }: Pick<MachineDetails, "ladder" | "readiness">, style: Style): string {
  const shown = ladder.filter(({ state }) => state !== "passed");
  const total = Math.max(0, ...shown.map(({ ms }) => ms ?? 0));
  if (total === 0) return "";
  const width = Math.max(9, ...shown.map(({ step }) => step.length + 1));
  const awaited = readiness.ready === undefined ? shown.find(({ state }) => state === "waiting") : undefined;
  const lines = shown.flatMap((step) => (step.ms === null ? [] : [`    ${reachedLine(step, total, width, style)}\n`]));
  const waiting =
    awaited === undefined
      ? ""
      : `    ${style.paint("yellow", `waits for ${safeText(awaited.step)}`)}: ${safeText(awaited.description)}\n${awaited.hint === undefined ? "" : `      ${safeText(awaited.hint)}\n`}`;
  return `  ${style.paint("dim", "readiness, from the start request")}\n${lines.join("")}${waiting}`;
}

function reachedLine(step: MachineDetails["ladder"][number], total: number, width: number, style: Style): string {
  const ms = step.ms ?? 0;
  const column = (at: number): number => Math.round((at / total) * barWidth);
  const from = Math.min(barWidth - 1, column(ms - (step.tookMs ?? 0)));
  const to = Math.max(from + 1, column(ms));
  const bar = `${" ".repeat(from)}${style.paint("green", (style.glyphs ? "█" : "#").repeat(to - from))}`;
  const line = `${safeText(step.step).padEnd(width)}${`${Math.round(ms)} ms`.padStart(9)}  ${bar}`;
  if (step.slowerMs !== null) {
    const warning = `${style.glyphs ? "▲ " : ""}${Math.round(step.tookMs ?? 0)} ms, ${step.slowerMs} ms slower than usual (${Math.round(step.medianMs ?? 0)} ms)`;
    return `${line}${" ".repeat(barWidth - to)}  ${style.paint("yellow", warning)}`;
  }
  return step.medianMs === null
    ? line
    : `${line}${" ".repeat(barWidth - to)}  ${style.paint("dim", `usually ${Math.round(step.medianMs)} ms`)}`;
}
