import * as vscode from "vscode";
import type { MachineDetails } from "../api/index.ts";
import { pendingWords, plain } from "../editor/index.ts";
import type { FactNode, GroupNode, Node } from "./nodes.ts";

const { l10n } = vscode;

/** What hangs under a machine: its ports, files, disks, past, and changes that wait for the next start. */
export function childrenOf(details: MachineDetails, rows: readonly Node[]): Node[] {
  const machine = details.id;
  const facts: FactNode[] = [];
  if (details.pending.length > 0) {
    facts.push({
      kind: "fact",
      machine,
      icon: "history",
      label: l10n.t("At the next start"),
      description: details.pending.map(pendingWords).join(", "),
    });
  }
  return [...rows, ...facts];
}

export function factItem({ machine, icon, label, description }: FactNode): vscode.TreeItem {
  const item = row(icon, label, plain(description));
  item.id = `fact:${machine}:${icon}`;
  item.contextValue = "fact";
  item.tooltip = plain(description);
  return item;
}

export function groupItem({ name }: GroupNode, members: number): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(name), vscode.TreeItemCollapsibleState.Expanded);
  item.id = `group:${name}`;
  item.iconPath = new vscode.ThemeIcon("folder");
  item.description = String(members);
  item.contextValue = "group";
  item.accessibilityInformation = {
    label: members === 1 ? l10n.t("Group {0}, 1 machine", plain(name)) : l10n.t("Group {0}, {1} machines", plain(name), members),
  };
  return item;
}

function row(icon: string, label: string, description: string): vscode.TreeItem {
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  item.iconPath = new vscode.ThemeIcon(icon);
  item.description = description;
  item.accessibilityInformation = { label: `${label}, ${description}` };
  return item;
}
