import type { MachineDetails, MachineUsage } from "../api/index.ts";
import { humanBytes, type Readiness, readinessSteps, valueText } from "../model/index.ts";
import { safeBlock, safeText } from "./safe.ts";
import { operationText, stateColour, stateGlyph, stateText } from "./state.ts";
import type { Style } from "./style.ts";
import { fields } from "./table.ts";
import { durationText } from "./times.ts";

/** One machine as a card of fields, with its readiness as bars. */
export function machineCard(machine: MachineDetails, style: Style, usage?: MachineUsage): string {
  const state = style.paint(stateColour(machine), `${style.glyphs ? `${stateGlyph(machine)} ` : ""}${stateText(machine)}`);
  const title = `${style.paint("bold", safeText(machine.name))}  ${state}\n`;
  return title + trouble(machine, style) + fields(pairs(machine, usage), style) + waterfall(machine.readiness, style);
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
  return safeText([network.mode, network.model, network.mac].join(" ") + link);
}

const barWidth = 40;

/** Each step's bar begins where the step before it ended. */
export function waterfall(readiness: Readiness, style: Style): string {
  const steps = readinessSteps
    .flatMap((step) => {
      const ms = readiness[step];
      return ms === undefined ? [] : [{ step, ms }];
    })
    .sort((left, right) => left.ms - right.ms);
  const total = steps.at(-1)?.ms;
  if (total === undefined) return "";
  const column = (ms: number): number => Math.round((ms / Math.max(1, total)) * barWidth);
  const block = style.glyphs ? "█" : "#";
  let before = 0;
  const lines = steps.map(({ step, ms }) => {
    const from = Math.min(column(before), barWidth - 1);
    const bar = " ".repeat(from) + block.repeat(Math.max(1, column(ms) - from));
    before = ms;
    return `    ${step.padEnd(8)} ${`${Math.round(ms)} ms`.padStart(9)}  ${style.paint("green", bar)}\n`;
  });
  return `  ${style.paint("dim", "readiness, from the start request")}\n${lines.join("")}`;
}
