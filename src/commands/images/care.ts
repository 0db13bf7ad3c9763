import { basename } from "node:path";
import * as vscode from "vscode";
import { bytesWords, plain, webSettings, withCancellableProgress } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { isStored, pickImage } from "./pick.ts";

const { l10n } = vscode;

/** A disk image file becomes an image that machines are made from. */
export const importImage: Command = async ({ editor }, given) => {
  const file = given instanceof vscode.Uri ? given : await askFile();
  if (!file) return undefined;
  const made = await withCancellableProgress(l10n.t("Importing {0}", plain(basename(file.fsPath), 80)), (options) =>
    editor.service.call("image.import", { file: file.fsPath }, options),
  );
  const create = l10n.t("Create Machine");
  const text = [l10n.t("{0} is an image now.", plain(made.image.name)), ...made.notes.map((note) => plain(note, 300))].join(" ");
  void vscode.window.showInformationMessage(text, create).then((chosen) => {
    if (chosen === create) void vscode.commands.executeCommand("vivarium.image.create", { image: made.image });
  });
  return made;
};

async function askFile(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: l10n.t("Disk Image to Take In"),
    openLabel: l10n.t("Import"),
    filters: {
      [l10n.t("Disk images")]: ["qcow2", "raw", "img", "vmdk", "vdi", "vhdx", "vhd", "xz", "gz", "zst"],
      [l10n.t("All files")]: ["*"],
    },
  });
  return chosen?.[0];
}

/** Reads an image again and compares it with its digest. */
export const verifyImage: Command = async ({ editor }, given) => {
  const image = await pickImage(editor, given, l10n.t("Image to Verify"));
  if (!image) return undefined;
  const { name, architecture } = image;
  const verified = await withCancellableProgress(l10n.t("Verifying {0}", plain(name)), (options) =>
    editor.service.call("image.verify", { name, architecture }, options),
  );
  void vscode.window.showInformationMessage(l10n.t("{0} is sound.", plain(name)));
  return verified;
};

/** Asked about, since fetching it again takes a while; refused while a machine is built on it. */
export const removeImage: Command = async ({ editor }, given) => {
  const image = await pickImage(editor, given, l10n.t("Image to Remove"), isStored);
  if (!image) return undefined;
  const { name, architecture } = image;
  const remove = l10n.t("Remove");
  const detail = l10n.t("It is deleted from this computer. A machine that is built on it keeps it from going.");
  const question = l10n.t("Remove the image {0}?", plain(name));
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, remove)) !== remove) return undefined;
  const gone = await editor.service.call("image.remove", { name, architecture });
  void vscode.window.showInformationMessage(l10n.t("{0} was removed; {1} freed.", plain(name), bytesWords(gone.freedBytes)));
  return gone;
};

/** Asks the publishers of pulled images; nothing is fetched. */
export const checkImageUpdates: Command = async ({ editor }) => {
  const updates = await withCancellableProgress(l10n.t("Asking the publishers of images"), (options) =>
    editor.service.call("image.updates", webSettings(), options),
  );
  const newer = updates.filter(({ available }) => available);
  editor.images.setNewer(newer);
  const problems = updates.filter(({ problem }) => problem !== undefined);
  const [first] = problems;
  if (updates.length === 0) void vscode.window.showInformationMessage(l10n.t("No image here was pulled by name."));
  else if (newer.length > 0)
    void vscode.window.showInformationMessage(l10n.t("Newer: {0}", newer.map(({ name }) => plain(name)).join(", ")));
  else if (first) void vscode.window.showWarningMessage(l10n.t("{0}: {1}", plain(first.name), plain(first.problem ?? "", 300)));
  else void vscode.window.showInformationMessage(l10n.t("Every image is what its publisher has."));
  return updates;
};
