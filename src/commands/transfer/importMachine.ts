import { basename } from "node:path";
import * as vscode from "vscode";
import { plain, withCancellableProgress } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { createFromIso } from "../create/fromIso.ts";
import { nameProblem, suggestName } from "../name.ts";

const { l10n } = vscode;

/** A machine of a disk image or an OVA somebody gave one. An ISO is a CD: it makes a machine that boots from it. */
export const importMachine: Command = async (work, given, givenName) => {
  const { editor, view } = work;
  const file = given instanceof vscode.Uri ? given : await askFile();
  if (!file) return undefined;
  await editor.machines.load();
  if (file.fsPath.toLowerCase().endsWith(".iso")) return createFromIso(work, file, undefined);
  const taken = new Set(editor.machines.all.map(({ name }) => name));
  const name =
    typeof givenName === "string"
      ? givenName
      : await vscode.window.showInputBox({
          title: l10n.t("Machine of {0}", plain(basename(file.fsPath), 80)),
          value: suggestName(basename(file.fsPath), taken),
          prompt: l10n.t("The name of the new machine. The file stays as it is: a copy is made."),
          validateInput: (text) => nameProblem(text, taken),
        });
  if (name === undefined) return undefined;
  const made = await withCancellableProgress(l10n.t("Importing {0}", plain(basename(file.fsPath), 80)), (options) =>
    editor.service.call("machine.import", { file: file.fsPath, name }, options),
  );
  await editor.machines.reload();
  void view.reveal(made.id).catch(() => undefined);
  void offer(made);
  return made;
};

async function askFile(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: l10n.t("Disk Image, OVA or Machine Definition to Import"),
    openLabel: l10n.t("Import"),
    filters: {
      [l10n.t("Images and appliances")]: ["qcow2", "raw", "img", "vmdk", "vdi", "vhdx", "vhd", "ova", "iso", "vbox", "xml"],
      [l10n.t("All files")]: ["*"],
    },
  });
  return chosen?.[0];
}

async function offer({ id, name, notes }: { id: string; name: string; notes: readonly string[] }): Promise<void> {
  const start = l10n.t("Start");
  const settings = l10n.t("Settings");
  const text = [l10n.t("{0} was made.", plain(name)), ...notes.map((note) => plain(note, 300))].join(" ");
  const chosen = await vscode.window.showInformationMessage(text, start, settings);
  if (chosen === start) await vscode.commands.executeCommand("vivarium.start", id);
  else if (chosen === settings) await vscode.commands.executeCommand("vivarium.editSettings", id);
}
