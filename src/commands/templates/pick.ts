import * as vscode from "vscode";
import type { MachineSummary, TemplateView } from "../../api/index.ts";
import { bytesWords, type Editor, isTemplateRef, machineIcon, plain, stateWord, type TemplateRef } from "../../editor/index.ts";
import type { Command, Work } from "../command.ts";

const { l10n } = vscode;

interface TemplateVerb {
  /** Title of the picker when nothing was pointed at. */
  title(): string;
  /** `rest`: what other code passed after the template. */
  run(work: Work, template: TemplateView, ...rest: unknown[]): Promise<unknown>;
}

/** A verb for one template: of a row of the tree, named by other code, or asked for. */
export function templateVerb(verb: TemplateVerb): Command {
  return async (work, ...args) => {
    const template = await pickTemplate(work.editor, args[0], verb.title());
    return template && verb.run(work, template, ...args.slice(1));
  };
}

async function pickTemplate(editor: Editor, given: unknown, title: string): Promise<TemplateView | undefined> {
  const pointed = templateRow(editor, given);
  const name = pointed?.template ?? (typeof given === "string" ? given : undefined);
  const all = await editor.templates.reload();
  if (name !== undefined) {
    const found = editor.templates.find(name);
    if (!found) throw new Error(l10n.t("There is no template “{0}”.", plain(name)));
    return found;
  }
  if (all.length > 0) return (await vscode.window.showQuickPick(templateItems(all), { title, matchOnDescription: true }))?.template;
  const make = l10n.t("Make Template");
  const none = l10n.t("There is no template yet: one is made of a running machine, for others to go on from.");
  void vscode.window.showInformationMessage(none, make).then((chosen) => {
    if (chosen === make) void vscode.commands.executeCommand("vivarium.template.create");
  });
  return undefined;
}

/** The row a menu was opened on, or the one that is selected when a key was pressed. */
function templateRow(editor: Editor, given: unknown): TemplateRef | undefined {
  const keyed = (given as { selection?: unknown } | undefined)?.selection === true;
  const row = keyed ? editor.selection()[0] : given;
  return isTemplateRef(row) ? row : undefined;
}

interface TemplateItem extends vscode.QuickPickItem {
  readonly template: TemplateView;
}

function templateItems(templates: readonly TemplateView[]): TemplateItem[] {
  return [...templates]
    .sort((left, right) => right.lastUsedAt.localeCompare(left.lastUsedAt))
    .map((template) => ({
      label: plain(template.name),
      description: [l10n.t("template of {0}", plain(template.source.name)), bytesWords(template.memoryBytes)].join(" · "),
      ...(template.note === undefined ? {} : { detail: plain(template.note) }),
      iconPath: new vscode.ThemeIcon("repo-forked"),
      template,
    }));
}

/** What a fork goes on from: a template, or a machine as it is now. */
export type Origin = { readonly template: TemplateView } | { readonly machine: MachineSummary };

/** Templates first, then machines that run. */
export async function pickOrigin(editor: Editor, title: string): Promise<Origin | undefined> {
  await editor.machines.load();
  const templates = (await editor.templates.reload()).filter(({ problem }) => problem === undefined);
  const machines = editor.machines.all
    .filter(isForkable)
    .sort((left, right) => left.name.localeCompare(right.name))
    .map((machine) => ({ label: plain(machine.name), description: stateWord(machine), iconPath: machineIcon(machine), machine }));
  const items: (vscode.QuickPickItem & Partial<Record<"template", TemplateView> & Record<"machine", MachineSummary>>)[] = [
    ...templateItems(templates),
    ...(templates.length > 0 && machines.length > 0 ? [{ label: "", kind: vscode.QuickPickItemKind.Separator }] : []),
    ...machines,
  ];
  if (items.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("There is no template, and no machine runs: start one to fork it."));
    return undefined;
  }
  const chosen = await vscode.window.showQuickPick(items, { title, matchOnDescription: true, placeHolder: l10n.t("Go on from where?") });
  if (chosen?.template) return { template: chosen.template };
  return chosen?.machine && { machine: chosen.machine };
}

/** Its memory can be read. */
export function isForkable({ state }: MachineSummary): boolean {
  return state === "running" || state === "paused";
}
