import * as vscode from "vscode";
import { groupAssignment, isWhole, pickMachines } from "../editor/index.ts";
import type { Command } from "./command.ts";
import { pickOrType } from "./pickOrType.ts";

const { l10n } = vscode;

/** Puts machines into a group of the tree, an old one or a new one, or takes them out. */
export const setGroup: Command = async ({ editor }, ...args) => {
  const machines = await pickMachines(editor, args, {
    title: l10n.t("Machines to group"),
    fits: isWhole,
    none: l10n.t("There is no machine whose vm.json can be read."),
  });
  if (!machines) return undefined;
  const groups = [...new Set(editor.machines.all.flatMap(({ group }) => (group === undefined ? [] : [group])))].sort();
  const group = await pickOrType({
    title: l10n.t("Group"),
    placeHolder: l10n.t("Pick a group, or type the name of a new one"),
    choices: [...groups.map((label) => ({ label })), { label: l10n.t("No group"), value: "", iconPath: new vscode.ThemeIcon("close") }],
    current: machines[0]?.group,
    problem: (text) => (text.length <= 60 ? undefined : l10n.t("A group's name has at most 60 characters.")),
  });
  if (group === undefined) return undefined;
  return Promise.all(machines.map(({ id }) => editor.service.call("machine.set", { machine: id, set: [groupAssignment(group)] })));
};
