import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { bytesWords, type Editor, hasProcess, isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb } from "../command.ts";
import { type Choice, pickOrType } from "../pickOrType.ts";
import { diskVerb, sizeProblem } from "./pick.ts";

const { l10n } = vscode;

/** A new empty disk, or a copy of an image; a running guest has it at once. */
export const addDisk: Command = oneVerb({
  title: () => l10n.t("Machine that gets a disk"),
  fits: isWhole,
  none: () => l10n.t("There is no machine whose vm.json can be read."),
  async run({ editor }, machine, given) {
    const source =
      typeof given === "string" ? { size: given } : given instanceof vscode.Uri ? { file: given.fsPath } : await askSource(machine.name);
    if (!source) return undefined;
    const disk = await withCancellableProgress(l10n.t("Adding a disk to {0}", plain(machine.name)), (options) =>
      editor.service.call("disk.add", { machine: machine.id, ...source }, options),
    );
    vscode.window.setStatusBarMessage(
      l10n.t("{0} has the disk {1} ({2}).", plain(machine.name), plain(disk.id), bytesWords(disk.virtualBytes)),
      6000,
    );
    return disk;
  },
});

const sizes = ["1G", "5G", "10G", "20G", "50G", "100G", "500G"] as const;
const fromFile = "file";

async function askSource(machine: string): Promise<{ size: string } | { file: string } | undefined> {
  const image: Choice = { label: l10n.t("Copy of an Image File…"), iconPath: new vscode.ThemeIcon("file"), value: fromFile };
  const size = await pickOrType({
    title: l10n.t("New Disk for {0}", plain(machine)),
    placeHolder: l10n.t("Its size: pick or type one, such as 30G. It takes space on this computer only as it is filled."),
    choices: [...sizes.map((label) => ({ label })), image],
    problem: (text) => (text === fromFile ? undefined : sizeProblem(text)),
  });
  if (size !== fromFile) return size === undefined ? undefined : { size };
  const chosen = await vscode.window.showOpenDialog({
    title: l10n.t("Image to Copy"),
    filters: { [l10n.t("Disk images")]: ["qcow2", "raw", "img", "vmdk", "vdi", "vhdx", "vhd"], [l10n.t("All files")]: ["*"] },
  });
  return chosen?.[0] && { file: chosen[0].fsPath };
}

/** The layers go to the machine's trash: nothing is asked but where a running guest loses a disk under it. */
export const removeDisk: Command = diskVerb({
  title: () => l10n.t("Disk to remove"),
  async run({ editor }, machine, disk) {
    if (hasProcess(machine) && disk.attached) {
      const action = l10n.t("Unplug and Remove");
      const question = l10n.t("{0} runs: remove its disk {1}?", plain(machine.name), plain(disk.id));
      const detail = l10n.t("What the guest has not written to it yet is lost, unless the guest lets go of it first.");
      if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) !== action) return undefined;
    }
    const removed = await withCancellableProgress(l10n.t("Removing the disk {0}", plain(disk.id)), (options) =>
      editor.service.call("disk.remove", { machine: machine.id, disk: disk.id }, options),
    );
    const prune = l10n.t("Show What Can Go");
    void vscode.window
      .showInformationMessage(l10n.t("The disk {0} went to the trash of {1}.", plain(disk.id), plain(machine.name)), prune)
      .then((chosen) => {
        if (chosen === prune) void vscode.commands.executeCommand("vivarium.prune", machine.id);
      });
    return removed;
  },
});

export const resizeDisk: Command = diskVerb({
  title: () => l10n.t("Disk to make larger"),
  async run({ editor }, machine, disk, given) {
    const gib = disk.virtualBytes / 1024 ** 3;
    const choices = [1.5, 2, 4, 8].map((factor) => `${Math.ceil(gib * factor)}G`).filter((size, index, all) => all.indexOf(size) === index);
    const size =
      typeof given === "string"
        ? given
        : await pickOrType({
            title: l10n.t("Larger Disk {0} of {1}", plain(disk.id), plain(machine.name)),
            placeHolder: l10n.t("It has {0}. Pick or type a larger size; a disk is never made smaller.", bytesWords(disk.virtualBytes)),
            choices: choices.map((label) => ({ label })),
            problem: sizeProblem,
          });
    if (size === undefined) return undefined;
    const resized = await withCancellableProgress(l10n.t("Making the disk {0} larger", plain(disk.id)), (options) =>
      editor.service.call("disk.resize", { machine: machine.id, disk: disk.id, size }, options),
    );
    const larger = l10n.t("The disk {0} has {1} now.", plain(disk.id), bytesWords(resized.virtualBytes));
    const own = l10n.t("The guest's partitions and file systems are its own to grow.");
    const grow = l10n.t("Grow File System");
    void vscode.window.showInformationMessage(`${larger} ${own}`, ...(hasProcess(machine) ? [grow] : [])).then((chosen) => {
      if (chosen !== grow) return;
      growInGuest(editor, machine, disk.id, resized.virtualBytes).catch((error: unknown) =>
        editor.presentError(error, { machine: machine.id }),
      );
    });
    return resized;
  },
});

/** The last partition of a disk that is larger already, and its file system, by the guest's agent. */
async function growInGuest(editor: Editor, machine: MachineSummary, disk: string, bytes: number): Promise<void> {
  const { grown } = await withCancellableProgress(l10n.t("Growing the file system on {0}", plain(disk)), (options) =>
    editor.service.call("disk.resize", { machine: machine.id, disk, size: String(bytes), grow: true }, options),
  );
  if (grown)
    void vscode.window.showInformationMessage(
      l10n.t("{0} ({1}) has {2} now.", plain(grown.device), plain(grown.fileSystem), bytesWords(grown.bytes)),
    );
}

export const compactDisk: Command = diskVerb({
  title: () => l10n.t("Disk to compact"),
  async run({ editor }, machine, disk) {
    const { beforeBytes, afterBytes } = await withCancellableProgress(l10n.t("Compacting the disk {0}", plain(disk.id)), (options) =>
      editor.service.call("disk.compact", { machine: machine.id, disk: disk.id }, options),
    );
    const freed = Math.max(0, beforeBytes - afterBytes);
    void vscode.window.showInformationMessage(
      freed === 0
        ? l10n.t("The disk {0} was compact already.", plain(disk.id))
        : l10n.t("The disk {0} takes {1} now: {2} less.", plain(disk.id), bytesWords(afterBytes), bytesWords(freed)),
    );
    return freed;
  },
});
