import { basename } from "node:path";
import * as vscode from "vscode";
import { bytesWords, plain, withCancellableProgress } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { formatOf } from "./exportMachine.ts";

const { l10n } = vscode;

/** An image file in another format; the new file's name says which. */
export const convertImage: Command = async ({ editor }, given, givenTarget) => {
  const file = given instanceof vscode.Uri ? given : await askImage(l10n.t("Image to Convert"));
  if (!file) return undefined;
  const target =
    givenTarget instanceof vscode.Uri
      ? givenTarget
      : await vscode.window.showSaveDialog({
          title: l10n.t("Convert {0}", plain(basename(file.fsPath), 80)),
          defaultUri: vscode.Uri.file(
            file.fsPath.replace(/\.[^.\\/]+$/, file.fsPath.toLowerCase().endsWith(".qcow2") ? ".vmdk" : ".qcow2"),
          ),
          filters: { [l10n.t("QEMU image")]: ["qcow2"], [l10n.t("Raw image")]: ["raw", "img"], VMDK: ["vmdk"], VDI: ["vdi"] },
        });
  if (!target) return undefined;
  const format = formatOf(target.fsPath);
  if (format === "ova") throw new Error(l10n.t("An OVA is made of a machine: import the image, then export the machine."));
  const made = await withCancellableProgress(l10n.t("Converting {0}", plain(basename(file.fsPath), 80)), (options) =>
    editor.service.call("image.convert", { file: file.fsPath, target: target.fsPath, format, overwrite: true }, options),
  );
  const open = l10n.t("Open");
  void vscode.window.showInformationMessage(l10n.t("Wrote {0} ({1}).", plain(made.file), bytesWords(made.bytes)), open).then((chosen) => {
    if (chosen === open) void vscode.commands.executeCommand("vscode.openWith", vscode.Uri.file(made.file), "vivarium.image");
  });
  return made;
};

/** Is an image file that no machine uses whole? */
export const checkImage: Command = async ({ editor }, given) => {
  const file = given instanceof vscode.Uri ? given : await askImage(l10n.t("Image to Check"));
  if (!file) return undefined;
  const name = plain(basename(file.fsPath), 80);
  const found = await withCancellableProgress(l10n.t("Checking {0}", name), (options) =>
    editor.service.call("image.check", { file: file.fsPath }, options),
  );
  if (found.corruptions > 0) void vscode.window.showWarningMessage(l10n.t("{0} has {1} faults.", name, found.corruptions));
  else if (found.leaks > 0) void vscode.window.showInformationMessage(l10n.t("{0} is sound; {1} clusters are wasted.", name, found.leaks));
  else void vscode.window.showInformationMessage(l10n.t("{0} is sound.", name));
  return found;
};

async function askImage(title: string): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title,
    filters: { [l10n.t("Disk images")]: ["qcow2", "raw", "img", "vmdk", "vdi", "vhdx", "vhd"], [l10n.t("All files")]: ["*"] },
  });
  return chosen?.[0];
}
