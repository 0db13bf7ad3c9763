import * as vscode from "vscode";
import type { ShareView } from "../api/index.ts";
import { escapeMarkdown, plain, untrustedMarkdown } from "../editor/index.ts";
import type { ShareNode, SharesNode } from "./storageNodes.ts";

/** How a machine's shared folders look as rows. */

const { l10n } = vscode;

/** Not asked for before it is opened: it says nothing of what is in it. */
export function sharesItem({ machine }: SharesNode): vscode.TreeItem {
  const item = new vscode.TreeItem(l10n.t("Shared folders"), vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `shares:${machine}`;
  item.iconPath = new vscode.ThemeIcon("folder-library");
  item.contextValue = "shares";
  return item;
}

export function shareItem({ machine, share }: ShareNode): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(share.tag), vscode.TreeItemCollapsibleState.None);
  item.id = `share:${machine}:${share.tag}`;
  item.iconPath = new vscode.ThemeIcon(iconOf(share));
  item.contextValue = `share ${share.state}`;
  item.description = plain(shareWords(share));
  item.accessibilityInformation = { label: `${plain(share.tag)}, ${plain(shareWords(share))}` };
  item.tooltip = tooltip(share);
  return item;
}

function iconOf({ state }: ShareView): string {
  switch (state) {
    case "folder-missing":
    case "lost":
    case "unavailable":
      return "warning";
    case "next-start":
      return "history";
    default:
      return "folder";
  }
}

/** `/mnt/src · virtiofs · read-only` */
export function shareWords(share: ShareView): string {
  const { mountPoint, kind, readOnly } = share;
  return [mountPoint, share.state === "mounted" ? kind : stateWords(share), readOnly ? l10n.t("read-only") : null]
    .filter((part) => part !== null && part !== "")
    .join(" · ");
}

function stateWords({ state }: ShareView): string {
  switch (state) {
    case "mounted":
    case "not-running":
      return "";
    case "waiting":
      return l10n.t("waits for the guest");
    case "next-start":
      return l10n.t("at the next start");
    case "unavailable":
      return l10n.t("not available");
    case "folder-missing":
      return l10n.t("the folder is gone");
    case "lost":
      return l10n.t("lost: restart the machine");
    case "leaving":
      return l10n.t("goes when the machine stops");
  }
}

function tooltip({ tag, path, mountPoint, kind, wanted, reason, hint }: ShareView): vscode.MarkdownString {
  const markdown = untrustedMarkdown();
  const rows = [
    [l10n.t("Folder"), path],
    [l10n.t("In the guest"), mountPoint],
    [l10n.t("Kind"), kind ?? wanted],
    [l10n.t("Why"), hint === undefined ? reason : `${reason}. ${hint}`],
  ].map(([name = "", value = ""]) => `| ${escapeMarkdown(name)} | ${escapeMarkdown(value)} |\n`);
  markdown.appendMarkdown(`**${escapeMarkdown(tag)}**\n\n| | |\n|---|---|\n${rows.join("")}\n`);
  return markdown;
}
