import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { isMachineRef } from "./commandIds.ts";
import type { Editor } from "./editor.ts";
import { machineIcon } from "./icons.ts";
import { plain } from "./text.ts";
import { acceleratorWord, bytesWords, stateWord } from "./words.ts";

const { l10n } = vscode;

export interface PickOptions {
  readonly title: string;
  /** Which machines the command can act on. */
  fits(machine: MachineSummary): boolean;
  /** What to say when there are machines, but none fits. */
  readonly none: string;
}

/**
 * The machines a command is about: those of the tree (the selection when the item belongs to it), or named by other
 * code; from the palette the user is asked. A machine that was pointed at is returned although it does not fit: the
 * service then says why not.
 * @returns undefined when the user chose none.
 */
export async function pickMachines(editor: Editor, args: readonly unknown[], options: PickOptions): Promise<MachineSummary[] | undefined> {
  const pointed = await pointedAt(editor, args);
  if (pointed.length === 1) return pointed;
  if (pointed.length > 1) {
    const fitting = pointed.filter(options.fits);
    return fitting.length > 0 ? fitting : sayNone(options.none);
  }
  const fitting = await fittingMachines(editor, options);
  if (!fitting) return undefined;
  return askForMachines(fitting, options);
}

/** One with Enter, as it is nearly always meant; several by the last row, in a list with check boxes. */
async function askForMachines(fitting: readonly MachineSummary[], options: PickOptions): Promise<MachineSummary[] | undefined> {
  const several: vscode.QuickPickItem = { label: l10n.t("Several…"), iconPath: new vscode.ThemeIcon("checklist") };
  const items = machineItems(fitting);
  const chosen = await vscode.window.showQuickPick<vscode.QuickPickItem>(
    fitting.length > 1 ? [...items, several] : items,
    pickerText(options),
  );
  if (chosen !== several) {
    const one = items.find((item) => item === chosen);
    return one && [one.machine];
  }
  const many = await vscode.window.showQuickPick(items, { ...pickerText(options), canPickMany: true });
  return many && many.length > 0 ? many.map(({ machine }) => machine) : undefined;
}

/** The one machine a command is about. */
export async function pickMachine(editor: Editor, args: readonly unknown[], options: PickOptions): Promise<MachineSummary | undefined> {
  const [pointed] = await pointedAt(editor, args);
  if (pointed) return pointed;
  const fitting = await fittingMachines(editor, options);
  if (!fitting) return undefined;
  return (await vscode.window.showQuickPick(machineItems(fitting), pickerText(options)))?.machine;
}

async function pointedAt(editor: Editor, [first, selected]: readonly unknown[]): Promise<MachineSummary[]> {
  await editor.machines.load();
  const many = wantsSelection(first)
    ? editor.selection()
    : Array.isArray(first)
      ? first
      : Array.isArray(selected) && selected.length > 0
        ? selected
        : [first];
  if (many.some((one) => typeof one === "string" && !editor.machines.find(one))) await editor.machines.reload();
  const found = many.flatMap((one: unknown) => {
    const machine = typeof one === "string" ? editor.machines.find(one) : isMachineRef(one) ? editor.machines.find(one.machine) : undefined;
    if (typeof one === "string" && !machine) throw new Error(l10n.t("There is no machine “{0}”.", plain(one)));
    return machine ? [machine] : [];
  });
  return [...new Set(found)];
}

/** What keybindings of package.json pass as `args`. */
function wantsSelection(value: unknown): boolean {
  return (value as { selection?: unknown } | undefined)?.selection === true;
}

async function fittingMachines(editor: Editor, options: PickOptions): Promise<MachineSummary[] | undefined> {
  const { all } = editor.machines;
  const fitting = all.filter(options.fits).sort((left, right) => left.name.localeCompare(right.name));
  if (fitting.length > 0) return fitting;
  if (all.length > 0) return sayNone(options.none);
  const create = l10n.t("Create Machine");
  const chosen = await vscode.window.showInformationMessage(l10n.t("There is no machine yet."), create);
  if (chosen === create) await vscode.commands.executeCommand("vivarium.create");
  return undefined;
}

function sayNone(text: string): undefined {
  void vscode.window.showInformationMessage(text);
  return undefined;
}

function pickerText({ title }: PickOptions): vscode.QuickPickOptions {
  return { title, matchOnDescription: true, placeHolder: l10n.t("Type to filter machines") };
}

interface MachineItem extends vscode.QuickPickItem {
  readonly machine: MachineSummary;
}

function machineItems(machines: readonly MachineSummary[]): MachineItem[] {
  return machines.map((machine) => {
    const hardware = [
      machine.accelerator === null ? undefined : acceleratorWord(machine.accelerator),
      machine.memoryBytes === undefined ? undefined : bytesWords(machine.memoryBytes),
    ].filter((part) => part !== undefined);
    return {
      label: plain(machine.name),
      description: [stateWord(machine), ...hardware].join(" · "),
      iconPath: machineIcon(machine),
      machine,
    };
  });
}
