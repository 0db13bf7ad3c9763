import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { isRunning, pickMachine } from "../editor/index.ts";
import type { PortNode } from "../vmtree/index.ts";
import { type Command, oneVerb, type Work } from "./command.ts";

const { l10n } = vscode;

const running = { fits: isRunning, none: () => l10n.t("No machine is running.") };

/** `ssh …` with every argument, for another terminal. */
export const copySshCommand: Command = oneVerb({
  ...running,
  title: () => l10n.t("Machine whose SSH command to copy"),
  async run({ editor }, machine) {
    const target = await editor.service.call("machine.sshTarget", { machine: machine.id });
    return copied(["ssh", ...target.arguments].map(quoted).join(" "));
  },
});

/** Where the guest can be reached: a forwarded port's address, or the guest's own where it has no forward. */
export const copyAddress: Command = async (work, ...args) => {
  const [node] = args;
  if (isPort(node) && node.forward) return copied(`${node.forward.hostAddress}:${node.forward.hostPort}`);
  const machine = await pickMachine(work.editor, args, {
    ...running,
    title: l10n.t("Machine whose address to copy"),
    none: running.none(),
  });
  const address = machine && (await chooseAddress(work, machine));
  return address === undefined ? undefined : copied(address);
};

/** A forwarded TCP port in the browser; a port that is not forwarded has no way there. */
export const openPort: Command = async ({ editor }, ...args) => {
  const [node] = args;
  const forward = isPort(node) && node.forward ? node.forward : await chooseForward(editor, args);
  if (!forward) return undefined;
  // asExternalUri is what makes it work from a browser or over a remote window.
  const uri = await vscode.env.asExternalUri(vscode.Uri.parse(`http://${forward.hostAddress}:${forward.hostPort}/`));
  await vscode.env.openExternal(uri);
  return uri.toString();
};

async function chooseAddress({ editor }: Work, machine: MachineSummary): Promise<string | undefined> {
  const { forwards } = await editor.service.call("machine.show", { machine: machine.id });
  const choices = forwards.map(({ hostAddress, hostPort, guestPort, protocol }) => ({
    label: `${hostAddress}:${hostPort}`,
    description: `→ ${guestPort}/${protocol}`,
  }));
  if (choices.length === 0) {
    const { addresses } = await editor.service.call("machine.guestInfo", { machine: machine.id });
    choices.push(...addresses.map((label) => ({ label, description: l10n.t("inside the machine's own network") })));
  }
  if (choices.length <= 1) return choices[0]?.label ?? say(l10n.t("{0} has no address yet.", machine.name));
  return (await vscode.window.showQuickPick(choices, { title: l10n.t("Address to copy") }))?.label;
}

async function chooseForward(editor: Work["editor"], args: readonly unknown[]): Promise<PortNode["forward"] | undefined> {
  const machine = await pickMachine(editor, args, { ...running, title: l10n.t("Machine whose port to open"), none: running.none() });
  if (!machine) return undefined;
  const { forwards } = await editor.service.call("machine.show", { machine: machine.id });
  const open = forwards.filter(({ protocol, guestPort }) => protocol === "tcp" && guestPort !== 22);
  if (open.length === 0) return say(l10n.t("{0} has no forwarded port for a browser: forward one.", machine.name));
  if (open.length === 1) return open[0];
  const items = open.map((forward) => ({
    label: String(forward.guestPort),
    description: `${forward.hostAddress}:${forward.hostPort}`,
    forward,
  }));
  return (await vscode.window.showQuickPick(items, { title: l10n.t("Port to open") }))?.forward;
}

function isPort(value: unknown): value is PortNode {
  return (value as Partial<PortNode> | undefined)?.kind === "port";
}

async function copied(text: string): Promise<string> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(l10n.t("Copied: {0}", text.length > 60 ? `${text.slice(0, 60)}…` : text), 4000);
  return text;
}

function say(text: string): undefined {
  void vscode.window.showInformationMessage(text);
  return undefined;
}

/** For sh and, as far as the arguments of ssh go, for PowerShell and cmd too. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `"${argument.replaceAll(/(["\\$`])/g, "\\$1")}"`;
}
