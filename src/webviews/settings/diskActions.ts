import * as vscode from "vscode";
import type { MachineDetails } from "../../api/index.ts";
import { bytesWords, type Editor, plain, withCancellableProgress } from "../../editor/index.ts";
import { parseBytes } from "../../model/index.ts";
import { l10n } from "../ui/l10n.ts";

/** What the form's buttons do with disks. vivd does it, with the image file: an entry of vm.json alone is no disk. */

export type DiskAction = "add" | "enlarge" | "remove";

/** Nobody means a smaller one; QEMU's own limit is far above the larger. */
const smallestBytes = 1024 ** 2;
const largestBytes = 16 * 1024 ** 4;

export async function diskAction(editor: Editor, machine: MachineDetails, action: DiskAction, disk: string): Promise<void> {
  switch (action) {
    case "add":
      return addDisk(editor, machine);
    case "enlarge":
      return enlargeDisk(editor, machine, disk);
    case "remove":
      return removeDisk(editor, machine, disk);
  }
}

async function addDisk(editor: Editor, { id, name }: MachineDetails): Promise<void> {
  const size = await askSize(
    l10n.t("Add a disk to {0}", plain(name)),
    l10n.t("Its size. The file grows as the guest writes."),
    "10G",
    smallestBytes,
  );
  if (size === undefined) return;
  await withCancellableProgress(l10n.t("Adding a disk to {0}", plain(name)), (options) =>
    editor.service.call("disk.add", { machine: id, size }, options),
  );
}

async function enlargeDisk(editor: Editor, { id, name, disks }: MachineDetails, disk: string): Promise<void> {
  const now = disks.find((one) => one.id === disk)?.virtualBytes;
  const size = await askSize(
    l10n.t("Enlarge disk {0} of {1}", plain(disk), plain(name)),
    l10n.t("Its new size. A disk cannot be made smaller again; the guest's partition is enlarged in the guest."),
    now === undefined ? "" : `${Math.ceil(now / 1024 ** 3) * 2}G`,
    (now ?? 0) + 1,
  );
  if (size === undefined) return;
  await withCancellableProgress(l10n.t("Enlarging disk {0}", plain(disk)), (options) =>
    editor.service.call("disk.resize", { machine: id, disk, size }, options),
  );
}

async function removeDisk(editor: Editor, { id, name }: MachineDetails, disk: string): Promise<void> {
  const remove = l10n.t("Remove Disk");
  const question = l10n.t("Remove disk {0} of {1}?", plain(disk), plain(name));
  const detail = l10n.t("What is on it can no longer be read by the guest. Its files go to the machine's trash.");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, remove)) !== remove) return;
  await withCancellableProgress(l10n.t("Removing disk {0}", plain(disk)), (options) =>
    editor.service.call("disk.remove", { machine: id, disk }, options),
  );
}

async function askSize(title: string, prompt: string, value: string, atLeastBytes: number): Promise<string | undefined> {
  const size = await vscode.window.showInputBox({
    title,
    prompt,
    value,
    ignoreFocusOut: true,
    validateInput: (text) => sizeProblem(text, atLeastBytes),
  });
  return size?.trim();
}

/** @returns undefined for a size that can be had. */
export function sizeProblem(text: string, atLeastBytes: number): string | undefined {
  const bytes = parseBytes(text);
  if (bytes === undefined) return l10n.t("A size such as 512M or 4G.");
  if (bytes < atLeastBytes) return l10n.t("More than {0}.", bytesWords(atLeastBytes - 1));
  if (bytes > largestBytes) return l10n.t("At most {0}.", bytesWords(largestBytes));
  return undefined;
}
