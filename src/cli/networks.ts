import type { NetworkPort, SegmentDetails, SegmentView } from "../api/index.ts";
import { humanBytes, type Impairment, ruleText, vivError } from "../model/index.ts";
import type { Style } from "./style.ts";
import { fields, table } from "./table.ts";

/** What the verbs of networks share. */
export const networkArgument = { label: "NET", summary: "The network's name; viv net ls shows it" } as const;

/** `yes` and `no` of an option. @throws VivError `usage` */
export function yesOrNo(option: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === "on" || text === "off") return text === "on";
  throw vivError("usage", `--${option} takes on or off, not ${JSON.stringify(text)}.`);
}

export function networkTable(networks: readonly SegmentView[], style: Style): string {
  if (networks.length === 0) return "There are no networks. Make one: viv net create lab\n";
  const rows = networks.map((each) => [each.name, each.subnet, each.pid === null ? "-" : "running", each.machines.join(" "), notes(each)]);
  return table([{ title: "NET" }, { title: "SUBNET" }, { title: "STATE" }, { title: "MACHINES" }, { title: "" }], rows, style);
}

function notes(network: SegmentView): string {
  if (network.problem !== undefined) return `cannot be used: ${network.problem}`;
  const parts = [
    network.dhcp ? "" : "no DHCP",
    network.isolation ? "isolated" : "",
    network.rules.length === 0 ? "" : `rules: ${network.rules.length}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

export function networkCard(network: SegmentDetails, style: Style): string {
  const { capture } = network;
  const card = fields(
    [
      ["subnet", network.subnet],
      ["names", network.dhcp ? `NAME.${network.domain}` : "no DHCP, no names"],
      ["state", network.pid === null ? "no machine on it runs" : `running, process ${network.pid}`],
      ["isolated", network.isolation ? "machines do not hear each other" : undefined],
      ["rules", network.rules.map(ruleText).join("\n")],
      ["machines", network.machines.join(" ")],
      ["capture", capture === null ? undefined : `${capture.file}, ${capture.frames} frames${capture.running ? "" : ", ended"}`],
    ],
    style,
  );
  if (network.ports.length === 0) return `${network.name}\n${card}`;
  const rows = network.ports.map((port) => [
    port.machine,
    port.address ?? "-",
    port.mac,
    port.connected ? "up" : "down",
    `${port.framesIn} (${humanBytes(port.bytesIn)})`,
    `${port.framesOut} (${humanBytes(port.bytesOut)})`,
    remarks(port),
  ]);
  const columns = [
    { title: "MACHINE" },
    { title: "ADDRESS" },
    { title: "MAC" },
    { title: "LINK" },
    { title: "SENT" },
    { title: "RECEIVED" },
    { title: "" },
  ];
  return `${network.name}\n${card}\n${table(columns, rows, style)}`;
}

function remarks({ drops, impairment, problem }: NetworkPort): string {
  const dropped = Object.entries(drops).flatMap(([why, count]) => (count === 0 ? [] : [`${count} ${why}`]));
  return [dropped.length === 0 ? "" : `dropped: ${dropped.join(", ")}`, impairment ? impairmentText(impairment) : "", problem ?? ""]
    .filter((part) => part !== "")
    .join("; ");
}

export function impairmentText({ delayMs, jitterMs, lossPercent, bytesPerSecond, partition }: Impairment): string {
  const parts = [
    delayMs === undefined ? "" : `${delayMs} ms later`,
    jitterMs === undefined ? "" : `up to ${jitterMs} ms more`,
    lossPercent === undefined ? "" : `${lossPercent} % lost`,
    bytesPerSecond === undefined ? "" : `${humanBytes(bytesPerSecond)}/s`,
    partition === undefined ? "" : `partition ${partition}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}
