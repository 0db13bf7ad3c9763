import * as vscode from "vscode";
import type { DiskDetails, DiskLimits } from "../../api/index.ts";
import { bytesWords, plain } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { pickOrType } from "../pickOrType.ts";
import { diskVerb, sizeProblem } from "./pick.ts";

const { l10n } = vscode;

type Limit = keyof DiskLimits;

/** One of the four limits of a disk, at once and from then on. */
export const limitDisk: Command = diskVerb({
  title: () => l10n.t("Disk to limit"),
  async run({ editor }, machine, disk, given) {
    const limits = isLimits(given) ? given : await ask(disk);
    return limits && editor.service.call("disk.limit", { machine: machine.id, disk: disk.id, limits });
  },
});

function isLimits(value: unknown): value is Partial<DiskLimits> {
  return typeof value === "object" && value !== null;
}

async function ask(disk: DiskDetails): Promise<Partial<DiskLimits> | undefined> {
  const none = { readBytesPerSecond: 0, writeBytesPerSecond: 0, readsPerSecond: 0, writesPerSecond: 0 };
  const rows: (vscode.QuickPickItem & { limit?: Limit })[] = [
    { label: l10n.t("Read bandwidth"), limit: "readBytesPerSecond" },
    { label: l10n.t("Write bandwidth"), limit: "writeBytesPerSecond" },
    { label: l10n.t("Reads a second"), limit: "readsPerSecond" },
    { label: l10n.t("Writes a second"), limit: "writesPerSecond" },
  ];
  for (const row of rows) if (row.limit) row.description = limitText(disk, row.limit);
  const chosen = await vscode.window.showQuickPick([...rows, { label: l10n.t("No limits at all") }], {
    title: l10n.t("Limits of the disk {0}", plain(disk.id)),
  });
  if (!chosen) return undefined;
  const { limit } = chosen;
  if (!limit) return none;
  const inBytes = limit.endsWith("BytesPerSecond");
  const unlimited = l10n.t("No limit");
  const text = await pickOrType({
    title: chosen.label,
    placeHolder: inBytes ? l10n.t("Bytes a second: pick or type, such as 30M") : l10n.t("Operations a second: pick or type a number"),
    choices: [
      { label: unlimited, value: "0" },
      ...(inBytes ? ["1M", "10M", "50M", "100M", "500M"] : ["50", "100", "500", "1000", "5000"]).map((label) => ({ label })),
    ],
    problem: (typed) =>
      typed === "0" ? undefined : inBytes ? sizeProblem(typed) : /^\d{1,9}$/.test(typed) ? undefined : l10n.t("Write a whole number."),
  });
  return text === undefined ? undefined : { [limit]: inBytes ? bytesOf(text) : Number(text) };
}

function limitText({ limits }: DiskDetails, limit: Limit): string {
  const value = limits[limit];
  if (value === 0) return l10n.t("no limit");
  return limit.endsWith("BytesPerSecond") ? `${bytesWords(value)}/s` : `${value}/s`;
}

/** `1.5M` → 1572864. */
function bytesOf(text: string): number {
  const [, number = "0", unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)/i.exec(text) ?? [];
  return Math.round(Number(number) * 1024 ** " kmgt".indexOf(unit.toLowerCase() || " "));
}
