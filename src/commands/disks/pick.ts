import * as vscode from "vscode";
import type { DiskDetails, MachineSummary } from "../../api/index.ts";
import { bytesWords, isWhole, pickMachine, plain } from "../../editor/index.ts";
import type { DiskNode } from "../../vmtree/index.ts";
import { type Command, presentError, type Work } from "../command.ts";

const { l10n } = vscode;

interface DiskVerb {
  /** Title of the pickers when nothing was pointed at. */
  title(): string;
  /** `rest`: what other code passed after machine and disk. */
  run(work: Work, machine: MachineSummary, disk: DiskDetails, ...rest: unknown[]): Promise<unknown>;
}

/** A verb for one disk: of a row of the tree, named by other code (`machine, disk`), or asked for when there are several. */
export function diskVerb(verb: DiskVerb): Command {
  const command: Command = async (work, ...args) => {
    const row = (args[0] as Partial<DiskNode> | undefined)?.kind === "disk" ? (args[0] as DiskNode) : undefined;
    const machine = await pickMachine(work.editor, row ? [{ machine: row.machine }] : args, {
      title: verb.title(),
      fits: isWhole,
      none: l10n.t("There is no machine whose vm.json can be read."),
    });
    if (!machine) return undefined;
    const named = row?.disk.id ?? (typeof args[1] === "string" ? args[1] : undefined);
    try {
      const disks = await work.editor.storage.disks(machine.id);
      const disk = named === undefined ? await askForDisk(verb.title(), machine, disks) : disks.find(({ id }) => id === named);
      if (named !== undefined && !disk) throw new Error(l10n.t("{0} has no disk “{1}”.", plain(machine.name), plain(named)));
      return disk && (await verb.run(work, machine, disk, ...args.slice(2)));
    } catch (error) {
      presentError(work, error, machine, () => command(work, machine.id, named, ...args.slice(2)));
      return undefined;
    }
  };
  return command;
}

/** The only one without a question. */
export async function askForDisk(title: string, machine: MachineSummary, disks: readonly DiskDetails[]): Promise<DiskDetails | undefined> {
  if (disks.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("{0} has no disk.", plain(machine.name)));
    return undefined;
  }
  if (disks.length === 1) return disks[0];
  const items = disks.map((disk) => ({
    label: plain(disk.id),
    description: l10n.t("{0}, {1} used", bytesWords(disk.virtualBytes), bytesWords(disk.allocatedBytes)),
    disk,
  }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.disk;
}

/** Why a text is no size; undefined: it is one. */
export function sizeProblem(text: string): string | undefined {
  return /^\d+(\.\d+)?\s*[kmgt](i?b)?$/i.test(text) ? undefined : l10n.t("Write a number with a unit, such as 500M or 20G.");
}
