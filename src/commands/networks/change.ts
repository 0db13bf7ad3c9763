import * as vscode from "vscode";
import type { SegmentView } from "../../api/index.ts";
import { plain } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { pickNetwork } from "./pick.ts";

const { l10n } = vscode;

/** A switch for machines, with one question: its name. */
export const createNetwork: Command = async ({ editor }, given) => {
  const name = typeof given === "string" ? given : await askName((await editor.networks.list()).map((network) => network.name));
  if (name === undefined) return undefined;
  const made = await editor.service.call("network.create", { name });
  void vscode.window.showInformationMessage(
    l10n.t("{0} is there: {1}. A machine is put on it in its settings, or made on it by New Machine.", plain(made.name), made.subnet),
  );
  return made;
};

async function askName(taken: readonly string[]): Promise<string | undefined> {
  const { networkNamePattern } = await import("../../model/index.ts");
  return vscode.window.showInputBox({
    title: l10n.t("Create Network"),
    prompt: l10n.t("Its name: machines on it are called MACHINE.NAME.internal"),
    value: taken.includes("lab") ? "" : "lab",
    validateInput: (text) => {
      if (!networkNamePattern.test(text)) return l10n.t("Use a lower-case letter, then up to 30 lower-case letters, digits and dashes.");
      return taken.includes(text) ? l10n.t("There is a network “{0}” already.", text) : undefined;
    },
  });
}

/** Refused by the service while a machine has an adapter on it: nothing that is used is lost, so only its leases are asked about. */
export const removeNetwork: Command = async ({ editor }, given) => {
  const network = await pickNetwork(editor, given, l10n.t("Network to Remove"), () => true);
  if (!network) return undefined;
  const remove = l10n.t("Remove");
  const question = l10n.t("Remove the network {0}?", plain(network.name));
  const detail = l10n.t("Its rules and the addresses of its machines are forgotten.");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, remove)) !== remove) return undefined;
  await editor.service.call("network.remove", { network: network.name });
  return network.name;
};

type Changes = Partial<Pick<SegmentView, "subnet" | "dhcp" | "isolation">>;

/** Isolation, DHCP or the subnet, at once. */
export const setNetwork: Command = async ({ editor }, given, wanted) => {
  const network = await pickNetwork(editor, given, l10n.t("Network to Change"));
  if (!network) return undefined;
  const changes = typeof wanted === "object" && wanted !== null && !Array.isArray(wanted) ? (wanted as Changes) : await askChanges(network);
  return changes && editor.service.call("network.set", { network: network.name, ...changes });
};

async function askChanges({ name, subnet, dhcp, isolation }: SegmentView): Promise<Changes | undefined> {
  const items: (vscode.QuickPickItem & { changes?: Changes })[] = [
    {
      label: isolation ? l10n.t("Let Machines Hear Each Other") : l10n.t("Isolate Machines"),
      description: isolation ? l10n.t("isolated now") : l10n.t("nobody hears anybody"),
      changes: { isolation: !isolation },
    },
    {
      label: dhcp ? l10n.t("Stop Giving Addresses and Names") : l10n.t("Give Addresses and Names"),
      description: l10n.t("DHCP and DNS"),
      changes: { dhcp: !dhcp },
    },
    { label: l10n.t("Other Addresses…"), description: subnet },
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: l10n.t("Change {0}", plain(name)) });
  if (!chosen || chosen.changes) return chosen?.changes;
  const { Subnet } = await import("../../model/index.ts");
  const text = await vscode.window.showInputBox({
    title: l10n.t("Addresses of {0}", plain(name)),
    prompt: l10n.t("A private network of /16 to /28; no machine on it may run"),
    value: subnet,
    validateInput: (typed) => (Subnet.safeParse(typed).success ? undefined : l10n.t("Write a private network such as 10.77.0.0/24.")),
  });
  return text === undefined || text === subnet ? undefined : { subnet: text };
}
