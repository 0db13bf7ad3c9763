import * as vscode from "vscode";
import type { MachineSummary, TemplateView } from "../api/index.ts";
import { ageWords, bytesWords, escapeMarkdown, hasProcess, plain, untrustedMarkdown } from "../editor/index.ts";

const { l10n } = vscode;
const { Expanded, None } = vscode.TreeItemCollapsibleState;

export function templatesItem(templates: readonly TemplateView[]): vscode.TreeItem {
  const item = new vscode.TreeItem(l10n.t("Templates"), Expanded);
  item.id = "templates";
  item.iconPath = new vscode.ThemeIcon("layers");
  item.description = String(templates.length);
  item.contextValue = "templates";
  const bytes = bytesWords(templates.reduce((sum, { ownBytes }) => sum + ownBytes, 0));
  item.tooltip = l10n.t("Machines at one moment, for others to go on from. They take {0} of the disk.", bytes);
  item.accessibilityInformation = {
    label: templates.length === 1 ? l10n.t("Templates, 1") : l10n.t("Templates, {0}", templates.length),
  };
  return item;
}

/** `forks`: every machine that came from it, those too that stand in a group or are filtered out. */
export function templateItem(template: TemplateView, forks: readonly MachineSummary[]): vscode.TreeItem {
  const item = new vscode.TreeItem(plain(template.name), forks.length > 0 ? Expanded : None);
  item.id = `template:${template.id}`;
  item.iconPath =
    template.problem === undefined
      ? new vscode.ThemeIcon("repo-forked", new vscode.ThemeColor("charts.blue"))
      : new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"));
  item.description = templateWords(template, forks);
  item.contextValue = ["template", template.problem === undefined ? "sound" : "unsound"].join(" ");
  item.accessibilityInformation = { label: l10n.t("Template {0}, {1}", plain(template.name), item.description) };
  return item;
}

/** `3 of 4 forks run · 310 MiB · made on the way` */
export function templateWords(template: TemplateView, forks: readonly MachineSummary[]): string {
  if (template.problem !== undefined) return plain(template.problem, 120);
  return [forkWords(forks), bytesWords(template.ownBytes), template.implicit ? l10n.t("made on the way") : undefined]
    .filter((part) => part !== undefined)
    .join(" · ");
}

function forkWords(forks: readonly MachineSummary[]): string | undefined {
  const running = forks.filter(hasProcess).length;
  if (forks.length === 0) return undefined;
  if (forks.length === 1) return running === 1 ? l10n.t("1 fork runs") : l10n.t("1 fork, stopped");
  return running === forks.length ? l10n.t("{0} forks run", running) : l10n.t("{0} of {1} forks run", running, forks.length);
}

/** Of the forks that run: how many, and the bytes of memory that are each one's own, together. */
export interface Shared {
  readonly running: number;
  readonly privateBytes: number;
}

/** Without forks of it every one of them would have memory of its own. */
export function savedBytes({ memoryBytes }: Pick<TemplateView, "memoryBytes">, { running, privateBytes }: Shared): number {
  return Math.max(0, memoryBytes * running - privateBytes);
}

export function templateTooltip(
  template: TemplateView,
  forks: readonly MachineSummary[],
  shared: Shared | undefined,
): vscode.MarkdownString {
  const markdown = untrustedMarkdown();
  markdown.appendMarkdown(`**${escapeMarkdown(template.name)}** — ${escapeMarkdown(l10n.t("template"))}\n\n`);
  if (template.problem !== undefined) markdown.appendMarkdown(`$(warning) ${escapeMarkdown(template.problem)}\n\n`);
  const lines = facts(template, forks, shared).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`| ${escapeMarkdown(name)} | ${escapeMarkdown(value)} |\n`],
  );
  markdown.appendMarkdown(`| | |\n|---|---|\n${lines.join("")}\n`);
  if (template.implicit)
    markdown.appendMarkdown(
      `\n${escapeMarkdown(l10n.t("A fork made it on the way: it goes when room is needed and nothing runs on it. A new name keeps it."))}\n`,
    );
  if (template.note !== undefined) markdown.appendMarkdown(`\n\n${escapeMarkdown(template.note)}`);
  return markdown;
}

function facts(template: TemplateView, forks: readonly MachineSummary[], shared: Shared | undefined): [string, string | undefined][] {
  const { source, memoryBytes, ownBytes, pausedMs } = template;
  const age = (time: string): string | undefined => (time === "" ? undefined : ageWords(time, Date.now(), vscode.env.language));
  return [
    [l10n.t("Of"), source.snapshot === undefined ? source.name : l10n.t("a snapshot of {0}", source.name)],
    [l10n.t("Made"), age(template.createdAt)],
    [l10n.t("Used"), age(template.lastUsedAt)],
    [l10n.t("Forks"), forkWords(forks)],
    [l10n.t("Memory"), memoryBytes === 0 ? undefined : l10n.t("{0}, shared by every fork that runs", bytesWords(memoryBytes))],
    [
      l10n.t("Saved"),
      shared && l10n.t("{0}: the forks have {1} of their own", bytesWords(savedBytes(template, shared)), bytesWords(shared.privateBytes)),
    ],
    [l10n.t("Disk"), l10n.t("{0}, free when it is deleted", bytesWords(ownBytes))],
    [l10n.t("Stood still"), pausedMs === undefined ? undefined : l10n.t("{0} ms, when it was made", Math.round(pausedMs))],
    [
      l10n.t("Fits"),
      [template.qemuVersion && `QEMU ${template.qemuVersion}`, template.accelerator, template.architecture].filter(Boolean).join(", "),
    ],
    [l10n.t("Image"), template.image],
  ];
}
