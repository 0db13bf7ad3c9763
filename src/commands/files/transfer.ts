import { homedir } from "node:os";
import { basename, join, sep } from "node:path";
import * as vscode from "vscode";
import { plain, withCancellableProgress } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { fileTarget, nameOf } from "./target.ts";

const { l10n } = vscode;

/** Files and folders of this computer into a folder of the guest: streamed, of any size, both sides count the SHA-256. */
export const upload: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("Folder to upload to"));
  if (!target) return undefined;
  const chosen =
    args[2] instanceof vscode.Uri
      ? [args[2]]
      : await vscode.window.showOpenDialog({
          title: l10n.t("Upload to {0}:{1}", plain(target.machine.name), plain(target.path)),
          openLabel: l10n.t("Upload"),
          canSelectFiles: true,
          canSelectFolders: true,
          canSelectMany: true,
        });
  if (!chosen || chosen.length === 0) return undefined;
  const { copyToGuest } = await import("../../copy/index.ts");
  const client = await work.editor.service.client();
  await withCancellableProgress(l10n.t("Uploading to {0}", plain(target.machine.name)), async ({ signal, onProgress }) => {
    for (const { fsPath } of chosen) {
      const place = { machine: target.machine.id, path: `${target.path === "/" ? "" : target.path}/` };
      await copyToGuest({ client, signal }, fsPath, place, (bytes) =>
        onProgress({ kind: "copy", step: `${basename(fsPath)}: ${megabytes(bytes)}` }),
      );
      const path = `${place.path}${basename(fsPath)}`;
      work.editor.guestChanges.tell({ machine: target.machine.id, path, kind: "created" });
    }
  });
  return target.uri;
};

/** A file or a whole folder of the guest to this computer. */
export const download: Command = async (work, ...args) => {
  const target = await fileTarget(work, args, l10n.t("File or folder to download"));
  if (!target) return undefined;
  const chosen =
    args[2] instanceof vscode.Uri
      ? [args[2]]
      : await vscode.window.showOpenDialog({
          title: l10n.t("Folder for {0}", plain(nameOf(target.path) || target.machine.name)),
          openLabel: l10n.t("Download Here"),
          canSelectFiles: false,
          canSelectFolders: true,
          defaultUri: vscode.Uri.file(join(homedir(), "Downloads")),
        });
  const folder = chosen?.[0]?.fsPath;
  if (folder === undefined) return undefined;
  const { copyFromGuest } = await import("../../copy/index.ts");
  const client = await work.editor.service.client();
  const copied = await withCancellableProgress(l10n.t("Downloading from {0}", plain(target.machine.name)), ({ signal, onProgress }) =>
    copyFromGuest({ client, signal }, { machine: target.machine.id, path: target.path }, `${folder}${sep}`, (bytes) =>
      onProgress({ kind: "copy", step: megabytes(bytes) }),
    ),
  );
  void vscode.window.showInformationMessage(l10n.t("Downloaded: {0}", plain(copied.target)));
  return vscode.Uri.file(copied.target);
};

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
