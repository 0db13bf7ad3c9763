import { homedir } from "node:os";
import { extname, join } from "node:path";
import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { bytesWords, isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb, type Work } from "../command.ts";
import { askForDisk } from "../disks/pick.ts";
import { snapshotVerb } from "../snapshots/pick.ts";

const { l10n } = vscode;

const formats = ["qcow2", "raw", "vmdk", "vdi", "ova"] as const;
type Format = (typeof formats)[number];

/** A disk of a stopped machine as a file, or the whole machine as OVA; the file's name says which. */
export const exportMachine: Command = oneVerb({
  title: () => l10n.t("Machine to export"),
  fits: isWhole,
  none: () => l10n.t("There is no machine whose vm.json can be read."),
  run: (work, machine, target) => exportTo(work, machine, undefined, target),
});

export const exportSnapshot: Command = snapshotVerb({
  title: () => l10n.t("Snapshot to export"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  run: (work, { machine, snapshot }, target) => exportTo(work, machine, snapshot, target),
});

async function exportTo(
  work: Work,
  machine: MachineSummary,
  snapshot: { readonly id: string; readonly name: string } | undefined,
  given: unknown,
): Promise<unknown> {
  const { editor } = work;
  const base = snapshot ? `${machine.name}-${snapshot.name}` : machine.name;
  const file = given instanceof vscode.Uri ? given : await askTarget(base);
  if (!file) return undefined;
  const format = formatOf(file.fsPath);
  const disk = format === "ova" ? undefined : await askForDisk(l10n.t("Disk to export"), machine, await editor.storage.disks(machine.id));
  if (format !== "ova" && !disk) return undefined;
  const written = await withCancellableProgress(l10n.t("Exporting {0}", plain(base)), (options) =>
    editor.service.call(
      "machine.export",
      {
        machine: machine.id,
        file: file.fsPath,
        format,
        // The dialogue has asked already.
        overwrite: true,
        ...(disk ? { disk: disk.id } : {}),
        ...(snapshot ? { snapshot: snapshot.id } : {}),
      },
      options,
    ),
  );
  void offer(written);
  return written;
}

function askTarget(base: string): Thenable<vscode.Uri | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? homedir();
  return vscode.window.showSaveDialog({
    title: l10n.t("Export {0}", plain(base)),
    defaultUri: vscode.Uri.file(join(folder, `${base}.qcow2`)),
    filters: {
      [l10n.t("QEMU image")]: ["qcow2"],
      [l10n.t("Raw image")]: ["raw", "img"],
      VMDK: ["vmdk"],
      VDI: ["vdi"],
      [l10n.t("Whole machine (OVA)")]: ["ova"],
    },
  });
}

export function formatOf(file: string): Format {
  const extension = extname(file).slice(1).toLowerCase();
  return extension === "img" ? "raw" : (formats.find((format) => format === extension) ?? "qcow2");
}

async function offer({ file, bytes, sha256 }: { file: string; bytes: number; sha256: string }): Promise<void> {
  const copy = l10n.t("Copy SHA-256");
  const show = l10n.t("Show in Folder");
  const chosen = await vscode.window.showInformationMessage(l10n.t("Exported {0} ({1}).", plain(file), bytesWords(bytes)), copy, show);
  if (chosen === copy) await vscode.env.clipboard.writeText(sha256);
  else if (chosen === show) await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(file));
}
