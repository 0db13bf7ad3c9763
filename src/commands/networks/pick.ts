import * as vscode from "vscode";
import type { SegmentView } from "../../api/index.ts";
import { type Editor, isNetworkLinkRef, isNetworkRef, type NetworkLinkRef, plain } from "../../editor/index.ts";

const { l10n } = vscode;

/** The network of the row or name that was given, else the one that is chosen of those that fit. */
export async function pickNetwork(
  editor: Editor,
  given: unknown,
  title: string,
  fits: (network: SegmentView) => boolean = isWhole,
): Promise<SegmentView | undefined> {
  const networks = await editor.service.call("network.list", {});
  const name = isNetworkRef(given) ? given.network : typeof given === "string" ? given : undefined;
  if (name !== undefined) {
    const found = networks.find((network) => network.name === name);
    if (!found) throw new Error(l10n.t("There is no network “{0}”.", plain(name)));
    return found;
  }
  const fitting = networks.filter(fits);
  if (fitting.length <= 1) return fitting[0] ?? sayNone(networks.length);
  const items = fitting.map((network) => ({
    label: plain(network.name),
    description: `${network.subnet} · ${network.machines.map((machine) => plain(machine)).join(", ")}`,
    network,
  }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.network;
}

/** The links of the rows that are selected, else those that are chosen of one network. */
export async function pickLinks(
  editor: Editor,
  [given, selected]: readonly unknown[],
  title: string,
): Promise<NetworkLinkRef[] | undefined> {
  if (isNetworkLinkRef(given)) {
    const links = Array.isArray(selected) ? selected.filter(isNetworkLinkRef) : [];
    return links.length > 0 ? links : [given];
  }
  const network = await pickNetwork(editor, given, title, (one) => isWhole(one) && one.machines.length > 0);
  if (!network) return undefined;
  const items = network.machines.map((machine) => ({ label: plain(machine), onNetwork: machine }));
  const [only] = items;
  if (!only) throw new Error(l10n.t("No machine is on {0}.", plain(network.name)));
  const chosen = items.length === 1 ? [only] : await vscode.window.showQuickPick(items, { title, canPickMany: true });
  return chosen && chosen.length > 0 ? chosen.map(({ onNetwork }) => ({ network: network.name, onNetwork })) : undefined;
}

export function isWhole({ problem }: SegmentView): boolean {
  return problem === undefined;
}

async function sayNone(networks: number): Promise<undefined> {
  if (networks > 0) {
    void vscode.window.showInformationMessage(l10n.t("No network is one for this."));
    return;
  }
  const create = l10n.t("Create Network");
  void vscode.window.showInformationMessage(l10n.t("There is no network yet."), create).then((chosen) => {
    if (chosen === create) void vscode.commands.executeCommand("vivarium.network.create");
  });
}
