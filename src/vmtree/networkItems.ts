import { basename } from "node:path";
import * as vscode from "vscode";
import type { CaptureView, MachineSummary, NetworkPort, SegmentDetails } from "../api/index.ts";
import { bytesWords, escapeMarkdown, impairmentWords, machineIcon, plain, stateWord, untrustedMarkdown } from "../editor/index.ts";
import type { CaptureNode, LinkNode, NetworkNode, RuleNode } from "./networkNodes.ts";

const { l10n } = vscode;
const { None, Expanded } = vscode.TreeItemCollapsibleState;

/** `lab  10.77.0.0/24 · 2 machines · isolated` */
export function networkItem({ network, view }: NetworkNode): vscode.TreeItem {
  const broken = view.problem !== undefined;
  const item = new vscode.TreeItem(plain(network), broken ? None : Expanded);
  item.id = `network:${network}`;
  item.iconPath = broken
    ? new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.errorForeground"))
    : new vscode.ThemeIcon("type-hierarchy", view.pid === null ? undefined : new vscode.ThemeColor("testing.iconPassed"));
  const count = view.machines.length;
  item.description = broken
    ? l10n.t("cannot be used")
    : [
        view.subnet,
        count === 0 ? l10n.t("no machine") : count === 1 ? l10n.t("1 machine") : l10n.t("{0} machines", count),
        view.isolation ? l10n.t("isolated") : undefined,
        view.dhcp ? undefined : l10n.t("no DHCP"),
      ]
        .filter((part) => part !== undefined)
        .join(" · ");
  item.contextValue = ["network", broken ? "broken" : "whole", view.pid === null ? "" : "live"].filter((part) => part !== "").join(" ");
  item.accessibilityInformation = { label: l10n.t("Network {0}, {1}", plain(network), item.description) };
  if (view.problem !== undefined) item.tooltip = plain(view.problem, 600);
  return item;
}

/** `web  10.77.0.2 · 100 ms later, 10 % lost` */
export function linkItem({ network, onNetwork, ports }: LinkNode, machine: MachineSummary | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(onNetwork), None);
  const impairment = ports.find((port) => port.impairment)?.impairment;
  const problem = ports.find((port) => port.problem !== null)?.problem;
  item.id = `link:${network}:${onNetwork}`;
  item.iconPath =
    problem || impairment
      ? new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"))
      : machine
        ? machineIcon(machine)
        : new vscode.ThemeIcon("vm");
  item.description = [
    ports.length === 0
      ? machine
        ? stateWord(machine)
        : l10n.t("stopped")
      : ports.map(({ address }) => address ?? l10n.t("no address")).join(", "),
    impairment && impairmentWords(impairment),
    problem ? l10n.t("was cut off") : undefined,
  ]
    .filter((part) => part !== undefined && part !== "")
    .join(" · ");
  item.contextValue = ["link", ports.length === 0 ? "" : "live", impairment ? "impaired" : ""].filter((part) => part !== "").join(" ");
  item.accessibilityInformation = { label: l10n.t("{0} on {1}, {2}", plain(onNetwork), plain(network), item.description) };
  return item;
}

export function ruleItem({ network, rule, text }: RuleNode): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(text), None);
  item.id = `rule:${network}:${rule}:${text}`;
  item.iconPath = new vscode.ThemeIcon(text.startsWith("deny") ? "circle-slash" : "pass");
  item.description = l10n.t("rule {0}", rule + 1);
  item.contextValue = "rule";
  item.tooltip = l10n.t("The first rule that fits a packet decides; what none fits may pass.");
  item.accessibilityInformation = { label: l10n.t("Rule {0} of {1}: {2}", rule + 1, plain(network), plain(text)) };
  return item;
}

export function captureItem({ network, capture }: CaptureNode): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(basename(capture.file), 100), None);
  item.id = `capture:${network}`;
  item.iconPath = capture.running
    ? new vscode.ThemeIcon("record", new vscode.ThemeColor("list.errorForeground"))
    : new vscode.ThemeIcon("output");
  item.description = [
    capture.running ? l10n.t("captures") : l10n.t("{0} frames", capture.frames),
    capture.machine === null ? undefined : l10n.t("of {0}", plain(capture.machine)),
    capture.problem === null ? undefined : plain(capture.problem, 80),
  ]
    .filter((part) => part !== undefined)
    .join(" · ");
  item.contextValue = capture.running ? "capture running" : "capture";
  item.accessibilityInformation = { label: l10n.t("Capture {0}, {1}", plain(basename(capture.file), 100), item.description) };
  return item;
}

type Row = readonly [name: string, value: string | undefined];

export function networkTooltip(network: SegmentDetails): vscode.MarkdownString {
  const strangers = network.leases.filter(({ machine }) => machine === null);
  const sum = (count: (port: NetworkPort) => number): number => network.ports.reduce((total, port) => total + count(port), 0);
  return tableOf(network.name, [
    [l10n.t("Addresses"), network.subnet],
    [l10n.t("Names"), network.dhcp ? `*.${network.domain}` : l10n.t("no DHCP, no names")],
    [l10n.t("Process"), network.pid === null ? l10n.t("no machine on it runs") : String(network.pid)],
    [l10n.t("Isolation"), network.isolation ? l10n.t("machines do not hear each other") : undefined],
    [l10n.t("Rules"), network.rules.length === 0 ? undefined : String(network.rules.length)],
    [
      l10n.t("Sent"),
      traffic(
        sum(({ framesIn }) => framesIn),
        sum(({ bytesIn }) => bytesIn),
      ),
    ],
    [l10n.t("Other leases"), strangers.map(({ mac, address }) => `${address} (${mac})`).join(", ") || undefined],
  ]);
}

/** Seen from the machine: what it sent came in at the network. */
export function linkTooltip(machine: string, { ports, name }: SegmentDetails): vscode.MarkdownString {
  const own = ports.filter((port) => port.machine === machine);
  const rows = own.flatMap((port): Row[] => [
    [l10n.t("Address"), port.address ?? l10n.t("none by DHCP")],
    [l10n.t("MAC"), port.mac],
    [l10n.t("Link"), port.connected ? l10n.t("up") : l10n.t("down")],
    [l10n.t("Sent"), traffic(port.framesIn, port.bytesIn)],
    [l10n.t("Received"), traffic(port.framesOut, port.bytesOut)],
    [l10n.t("Dropped"), dropWords(port.drops)],
    [l10n.t("Made bad"), port.impairment && impairmentWords(port.impairment)],
    [l10n.t("Cut off last"), port.problem ?? undefined],
  ]);
  return tableOf(l10n.t("{0} on {1}", machine, name), rows.length === 0 ? [[l10n.t("Link"), l10n.t("the machine does not run")]] : rows);
}

export function captureTooltip(capture: CaptureView): vscode.MarkdownString {
  return tableOf(capture.running ? l10n.t("A capture that runs") : l10n.t("A capture that ended"), [
    [l10n.t("File"), capture.file],
    [l10n.t("Whose"), capture.machine ?? l10n.t("every machine's, each frame once")],
    [l10n.t("Captured"), traffic(capture.frames, capture.bytes)],
    [l10n.t("Missed"), capture.missed === 0 ? undefined : l10n.t("{0} frames: the disk was too slow", capture.missed)],
    [l10n.t("Problem"), capture.problem ?? undefined],
  ]);
}

function traffic(frames: number, bytes: number): string {
  return l10n.t("{0} frames, {1}", frames, bytesWords(bytes));
}

function dropWords(drops: NetworkPort["drops"]): string | undefined {
  const words: Record<keyof typeof drops, string> = {
    malformed: l10n.t("malformed"),
    spoofed: l10n.t("with another's address"),
    storm: l10n.t("too many broadcasts"),
    denied: l10n.t("against a rule"),
    impaired: l10n.t("lost on the bad link"),
    congested: l10n.t("the receiver was too slow"),
  };
  const reasons = (Object.keys(words) as (keyof typeof drops)[]).filter((reason) => drops[reason] > 0);
  return reasons.map((reason) => `${drops[reason]} ${words[reason]}`).join(", ") || undefined;
}

function tableOf(title: string, rows: readonly Row[]): vscode.MarkdownString {
  const markdown = untrustedMarkdown();
  markdown.appendMarkdown(`**${escapeMarkdown(plain(title, 100))}**\n\n| | |\n|---|---|\n`);
  for (const [name, value] of rows)
    if (value !== undefined) markdown.appendMarkdown(`| ${escapeMarkdown(name)} | ${escapeMarkdown(plain(value, 400))} |\n`);
  return markdown;
}
