import * as vscode from "vscode";
import type { ForwardView, MachineSummary, Params } from "../api/index.ts";
import { isWhole, pickMachine, plain } from "../editor/index.ts";
import type { ForwardRequest } from "../model/index.ts";
import type { PortNode } from "../vmtree/index.ts";
import { type Command, presentError, type Work } from "./command.ts";

const { l10n } = vscode;

/** Below it a program needs more rights, so a free one is taken. */
const firstFreePort = 1024;

/** A port of the guest on this computer: of the row it is asked on at once, else what is typed. */
export const addForward: Command = async (work, ...args) => {
  const row = portOf(args[0]);
  const machine = await machineOf(work, args, l10n.t("Machine to forward a port to"));
  if (!machine) return undefined;
  const request = row ? sameNumber(row) : await askRequest(machine, args[1]);
  return request && tried(work, machine, () => add(work, machine, request));
};

/** Takes a forward away; programs that are connected through it lose their connection. */
export const removeForward: Command = async (work, ...args) => {
  const machine = await machineOf(work, args, l10n.t("Machine to take a forward from"));
  if (!machine) return undefined;
  return tried(work, machine, async () => {
    const forward = portOf(args[0])?.forward ?? (await pickForward(work, machine, l10n.t("Forward to remove")));
    if (!forward) return undefined;
    await remove(work, machine, forward);
    vscode.window.setStatusBarMessage(l10n.t("Port {0} of {1} is no longer forwarded.", forward.guestPort, plain(machine.name)), 6000);
    return forward.guestPort;
  });
};

/** Another port of this computer for the same port of the guest. */
export const changeForward: Command = async (work, ...args) => {
  const machine = await machineOf(work, args, l10n.t("Machine whose forward to change"));
  if (!machine) return undefined;
  return tried(work, machine, async () => {
    const chosen = portOf(args[0])?.forward ?? (await pickForward(work, machine, l10n.t("Forward to change")));
    const forward = chosen && (await asItIs(work, machine, chosen));
    if (!forward) return undefined;
    const { forwardRequest } = await import("../model/index.ts");
    const typed = await vscode.window.showInputBox({
      title: l10n.t("Port of this computer for port {0} of {1}", forward.guestPort, plain(machine.name)),
      value: forward.hostPort === null ? "" : String(forward.hostPort),
      validateInput: (text) => (forwardRequest(`${text}:${forward.guestPort}`) ? undefined : l10n.t("A port is a number from 1 to 65535.")),
    });
    if (typed === undefined || Number(typed) === forward.hostPort) return undefined;
    const { protocol, guestPort, hostAddress, hostPort, kept } = forward;
    const changed = { protocol, guestPort, hostPort: Number(typed), hostAddress, once: !kept };
    // The new one first: when it cannot be, the old one is there still. One without a port yet has nothing to lose, nor a name.
    if (hostPort === null) await remove(work, machine, forward);
    const added = await add(work, machine, changed);
    if (hostPort !== null) await remove(work, machine, forward);
    return added;
  });
};

type Existing = Pick<ForwardView, "protocol" | "hostAddress" | "hostPort" | "guestPort">;

type Request = ForwardRequest & Partial<Pick<Params<"forward.add">, "hostAddress" | "once">>;

async function add({ editor }: Work, machine: MachineSummary, request: Request): Promise<ForwardView> {
  const forward = await editor.service.call("forward.add", { machine: machine.id, ...request });
  void say(machine, request, forward);
  return forward;
}

async function remove({ editor }: Work, machine: MachineSummary, { protocol, guestPort, hostPort }: Existing): Promise<void> {
  await editor.service.call("forward.remove", { machine: machine.id, protocol, guestPort, ...(hostPort === null ? {} : { hostPort }) });
}

async function say(machine: MachineSummary, request: ForwardRequest, forward: ForwardView): Promise<void> {
  const { hostAddress, hostPort, guestPort, protocol, open } = forward;
  if (!open || hostPort === null) {
    vscode.window.setStatusBarMessage(l10n.t("Port {0} of {1} is forwarded from its next start on.", guestPort, plain(machine.name)), 6000);
    return;
  }
  const place = `${hostAddress}:${hostPort}`;
  const words =
    request.hostPort !== undefined && request.hostPort !== hostPort
      ? l10n.t("Port {0} is busy here: port {1} of {2} is {3}.", request.hostPort, guestPort, plain(machine.name), place)
      : l10n.t("Port {0} of {1} is {2}.", guestPort, plain(machine.name), place);
  const browser = l10n.t("Open in Browser");
  const copy = l10n.t("Copy Address");
  const answer = await vscode.window.showInformationMessage(words, ...(protocol === "tcp" ? [browser] : []), copy);
  if (answer === copy) await vscode.env.clipboard.writeText(place);
  if (answer === browser) await vscode.env.openExternal(await vscode.env.asExternalUri(vscode.Uri.parse(`http://${place}/`)));
}

/** The same number on both sides is what people expect, where everybody may listen on it. */
function sameNumber({ protocol, port }: PortNode): ForwardRequest {
  return { protocol, guestPort: port, ...(port < firstFreePort ? {} : { hostPort: port }) };
}

async function askRequest(machine: MachineSummary, given: unknown): Promise<ForwardRequest | undefined> {
  const { forwardRequest } = await import("../model/index.ts");
  if (typeof given === "string") return forwardRequest(given);
  const typed = await vscode.window.showInputBox({
    title: l10n.t("Port of {0} to forward", plain(machine.name)),
    prompt: l10n.t("The guest's port, or this computer's and the guest's: 80, 8080:80, 53/udp"),
    validateInput: (text) =>
      text === "" || forwardRequest(text) ? undefined : l10n.t("Not [HOSTPORT:]GUESTPORT[/udp], with ports from 1 to 65535."),
  });
  return typed === undefined ? undefined : forwardRequest(typed);
}

async function pickForward({ editor }: Work, machine: MachineSummary, title: string): Promise<Existing | undefined> {
  const all = await editor.service.call("forward.list", { machine: machine.id });
  const forwards = all.filter(({ protocol, guestPort }) => protocol !== "tcp" || guestPort !== 22);
  if (forwards.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("{0} has no forwarded port.", plain(machine.name)));
    return undefined;
  }
  const items = forwards.map((forward) => ({
    label: `${forward.guestPort}/${forward.protocol}`,
    description: forward.hostPort === null ? l10n.t("from the next start on") : `${forward.hostAddress}:${forward.hostPort}`,
    forward,
  }));
  return (await vscode.window.showQuickPick(items, { title }))?.forward;
}

/** With whether vm.json has it, which a row does not know. */
async function asItIs({ editor }: Work, machine: MachineSummary, chosen: Existing): Promise<ForwardView | undefined> {
  const all = await editor.service.call("forward.list", { machine: machine.id });
  return all.find((one) => one.protocol === chosen.protocol && one.guestPort === chosen.guestPort && one.hostPort === chosen.hostPort);
}

async function tried<T>(work: Work, machine: MachineSummary, body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body();
  } catch (error) {
    presentError(work, error, machine, body);
    return undefined;
  }
}

function machineOf({ editor }: Work, args: readonly unknown[], title: string): Promise<MachineSummary | undefined> {
  const row = portOf(args[0]);
  return pickMachine(editor, row ? [{ machine: row.machine }] : args, {
    title,
    fits: isWhole,
    none: l10n.t("There is no machine whose vm.json can be read."),
  });
}

function portOf(value: unknown): PortNode | undefined {
  return (value as Partial<PortNode> | undefined)?.kind === "port" ? (value as PortNode) : undefined;
}
