import * as vscode from "vscode";
import { groupAssignment, isWhole, pickMachines } from "../editor/index.ts";
import type { Command } from "./command.ts";
import { pickOrType } from "./pickOrType.ts";

const { t } = vscode.l10n;

/** Puts machines into a group of the tree, an old one or a new one, or takes them out. */
export const setGroup: Command = async ({ editor }, ...args) => {
  const machines = await pickMachines(editor, args, {
    title: t("Machines to group"),
    fits: isWhole,
    none: t("There is no machine whose vm.json can be read."),
  });
  if (!machines) return undefined;
  const groups = [...new Set(editor.machines.all.flatMap(({ group }) => (group === undefined ? [] : [group])))].sort();
  const group = await pickOrType({
    title: t("Group"),
    placeHolder: t("Pick a group, or type the name of a new one"),
    choices: [...groups.map((label) => ({ label })), { label: t("No group"), value: "", iconPath: new vscode.ThemeIcon("close") }],
    current: machines[0]?.group,
    problem: (text) => (text.length <= 60 ? undefined : t("A group's name has at most 60 characters.")),
  });
  if (group === undefined) return undefined;
  return Promise.all(machines.map(({ id }) => editor.service.call("machine.set", { machine: id, set: [groupAssignment(group)] })));
};
