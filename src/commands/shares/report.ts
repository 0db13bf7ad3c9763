import * as vscode from "vscode";
import type { ShareMeasured, ShareReport } from "../../api/index.ts";
import { bytesWords, escapeMarkdown, isRunning, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb } from "../command.ts";

const { l10n } = vscode;

/** Measures each kind of shared folder in a running guest: `viv share doctor` as a page. */
export const shareReport: Command = oneVerb({
  title: () => l10n.t("Machine to measure shared folders in"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  async run({ editor }, machine) {
    const report = await withCancellableProgress(l10n.t("Measuring shared folders in {0}", plain(machine.name)), (options) =>
      editor.service.call("share.doctor", { machine: machine.id }, options),
    );
    const document = await vscode.workspace.openTextDocument({ language: "markdown", content: shareReportMarkdown(machine.name, report) });
    await vscode.window.showTextDocument(document, { preview: true });
    await vscode.commands.executeCommand("markdown.showPreview", document.uri).then(undefined, () => undefined);
    return report;
  },
});

export function shareReportMarkdown(machine: string, { ways, best }: ShareReport): string {
  const measured = ways.filter((way) => way.available);
  const missing = ways.filter((way) => !way.available);
  const line = (title: string, value: (way: ShareMeasured) => string) => `| ${title} | ${measured.map(value).join(" | ")} |`;
  return [
    `# ${l10n.t("Shared folders of {0}", escapeMarkdown(machine))}`,
    "",
    `| | ${measured.map(({ way }) => (way === "copy" ? l10n.t("copy (sync)") : way)).join(" | ")} |`,
    `|---|${measured.map(() => "---:|").join("")}`,
    line(l10n.t("write"), ({ writeBytesPerSecond }) => bytesASecond(writeBytesPerSecond)),
    line(l10n.t("read"), ({ readBytesPerSecond }) => bytesASecond(readBytesPerSecond)),
    line(l10n.t("small files written"), ({ writeFilesPerSecond }) => filesASecond(writeFilesPerSecond)),
    line(l10n.t("small files read"), ({ readFilesPerSecond }) => filesASecond(readFilesPerSecond)),
    line(l10n.t("symbolic links"), ({ symlinks }) => sign(symlinks)),
    line(l10n.t("executable bit"), ({ execBit }) => sign(execBit)),
    line(l10n.t("A and a are two names"), ({ caseSensitive }) => sign(caseSensitive)),
    line(l10n.t("locks"), ({ locks }) => sign(locks)),
    line(l10n.t("watchers in the guest hear of this computer's changes"), ({ guestHearsHost }) => sign(guestHearsHost)),
    line(l10n.t("watchers here hear of the guest's changes"), ({ hostHearsGuest }) => sign(hostHearsGuest)),
    "",
    ...missing.flatMap(({ way, reason }) => [`${l10n.t("No {0}: {1}", way, escapeMarkdown(reason))}`, ""]),
    l10n.t("Automatic takes {0}: {1}.", best.kind ?? l10n.t("neither"), escapeMarkdown(best.reason)),
    "",
  ].join("\n");
}

function bytesASecond(bytes: number | null): string {
  return bytes === null ? l10n.t("failed") : l10n.t("{0}/s", bytesWords(bytes));
}

function filesASecond(files: number | null): string {
  return files === null ? l10n.t("failed") : l10n.t("{0}/s", files);
}

function sign(answer: boolean | null): string {
  return answer === null ? "–" : answer ? l10n.t("yes") : l10n.t("no");
}
