import { vivError } from "../model/index.ts";
import { forwardText } from "./network.ts";

/**
 * The few things QEMU offers only as text (“HMP”). Its commands can do anything on the host, so the text is never
 * anybody's but ours: every verb has a builder here, and QMP's `human-monitor-command` takes nothing else.
 */
declare const built: unique symbol;
export type HumanCommand = string & { readonly [built]: true };

interface ForwardRule {
  readonly protocol: "tcp" | "udp";
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

const idPattern = /^[A-Za-z][\w.-]{0,63}$/;

/** Forward on the slirp backend `netdev` (`u0`). Host port 0 lets the system choose; read it from `info usernet`. */
export function addForward(netdev: string, rule: ForwardRule): HumanCommand {
  return `hostfwd_add ${requireId(netdev)} ${forwardText(checked(rule))}` as HumanCommand;
}

export function removeForward(netdev: string, rule: Omit<ForwardRule, "guestPort">): HumanCommand {
  const text = forwardText(checked({ ...rule, guestPort: 1 })).replace(/-:1$/, "");
  return `hostfwd_remove ${requireId(netdev)} ${text}` as HumanCommand;
}

export const infoUsernet = "info usernet" as HumanCommand;

/** Writes out what QEMU holds of an image in memory, and flushes its file. No QMP command does it to one node. */
export function flushNode(node: string): HumanCommand {
  return `qemu-io ${requireId(node)} flush` as HumanCommand;
}

/**
 * QEMU's answer to a forward command: silence is success (hostfwd_remove says “removed”).
 *
 * @throws VivError `failed`
 */
export function checkForwardAnswer(answer: string, rule: Pick<ForwardRule, "hostAddress" | "hostPort">): void {
  const text = answer.trim();
  if (text === "" || /^host forwarding rule for .* removed$/.test(text)) return;
  throw vivError(
    "failed",
    `The forward on ${rule.hostAddress}:${rule.hostPort} could not be changed: ${text}`,
    "Another program may use the port; choose another one.",
  );
}

export interface UsernetForward {
  /** Id of the hub's or backend's line group, `u0`. */
  readonly netdev: string;
  readonly protocol: "tcp" | "udp";
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestAddress: string;
  readonly guestPort: number;
}

/** The forwards in the answer to `info usernet`; its connections are left out. */
export function parseUsernet(answer: string): UsernetForward[] {
  let netdev = "";
  return answer.split(/\r?\n/).flatMap((line): UsernetForward[] => {
    netdev = /^Hub -?\d+ \(([^)]+)\):/.exec(line)?.[1] ?? /\(([^()]+)\):$/.exec(line)?.[1] ?? netdev;
    const rule = /^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\S+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)/.exec(line);
    if (rule === null) return [];
    const [, protocol, hostAddress = "", hostPort, guestAddress = "", guestPort] = rule;
    return [
      {
        netdev,
        protocol: protocol === "UDP" ? "udp" : "tcp",
        hostAddress,
        hostPort: Number(hostPort),
        guestAddress,
        guestPort: Number(guestPort),
      },
    ];
  });
}

function requireId(id: string): string {
  if (idPattern.test(id)) return id;
  throw vivError("internal", `“${id}” is no id of QEMU.`);
}

function checked(rule: ForwardRule): ForwardRule {
  for (const port of [rule.hostPort, rule.guestPort]) {
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw vivError("usage", `${port} is not a port.`, "Ports are 1 to 65535.");
  }
  return rule;
}
