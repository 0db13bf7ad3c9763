import * as vscode from "vscode";
import type { HostReport } from "../api/index.ts";
import { bytesWords, escapeMarkdown, withCancellableProgress } from "../editor/index.ts";
import type { Command } from "./command.ts";

const { l10n } = vscode;

const scheme = "vivarium-report";
let provider: vscode.Disposable | undefined;
let text = "";
const changed = new vscode.EventEmitter<vscode.Uri>();

/** What this computer offers machines, and why not more: `viv doctor` as a page. */
export const hostReport: Command = async ({ editor }) => {
  const report = await withCancellableProgress(l10n.t("Measuring what this computer offers"), (options) =>
    editor.service.call("host.report", { fresh: false }, options),
  );
  text = reportMarkdown(report);
  if (!provider) {
    provider = vscode.workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: changed.event,
      provideTextDocumentContent: () => text,
    });
    editor.context.subscriptions.push(provider, { dispose: () => (provider = undefined) });
  }
  const uri = vscode.Uri.from({ scheme, path: `/${l10n.t("Host Report")}.md` });
  changed.fire(uri);
  await vscode.commands
    .executeCommand("markdown.showPreview", uri)
    .then(undefined, async () => vscode.window.showTextDocument(uri, { preview: true }));
  return report;
};

export function reportMarkdown(report: HostReport): string {
  return [
    `# ${l10n.t("What this computer offers")}`,
    "",
    ...qemuLines(report),
    "",
    l10n.t(
      "{0} on {1}, {2} cores, {3} of memory, {4} free in {5}",
      escapeMarkdown(report.platform),
      escapeMarkdown(report.architecture),
      report.cores,
      bytesWords(report.memoryBytes),
      bytesWords(report.freeBytes),
      escapeMarkdown(report.home),
    ),
    "",
    `## ${l10n.t("Accelerators")}`,
    "",
    `| ${l10n.t("accelerator")} | ${l10n.t("works")} | ${l10n.t("speed")} | ${l10n.t("why")} |`,
    "|---|---|---|---|",
    ...report.accelerators.map(acceleratorRow),
    "",
    ...emulated(report),
    `## ${l10n.t("Features")}`,
    "",
    `| ${l10n.t("feature")} | ${l10n.t("here")} | ${l10n.t("why")} | ${l10n.t("instead")} |`,
    "|---|---|---|---|",
    ...report.features.map(
      (feature) =>
        `| ${escapeMarkdown(feature.title)} | ${sign(feature.available)} | ${escapeMarkdown(feature.reason)} | ${feature.available ? "" : escapeMarkdown(feature.instead)} |`,
    ),
    "",
  ].join("\n");
}

function qemuLines({ qemu, qemuProblem }: HostReport): string[] {
  if (qemu) return [l10n.t("QEMU {0} ({1}): {2}", escapeMarkdown(qemu.version), escapeMarkdown(qemu.source), escapeMarkdown(qemu.path))];
  return [`**${l10n.t("No QEMU")}**: ${escapeMarkdown(qemuProblem?.message ?? "")} ${escapeMarkdown(qemuProblem?.hint ?? "")}`];
}

function acceleratorRow(one: HostReport["accelerators"][number]): string {
  const speed = one.relativeSpeed === null ? "" : `${one.relativeSpeed.toFixed(1)} ×`;
  const name = one.chosen ? `**${escapeMarkdown(one.title)}** (${l10n.t("used")})` : escapeMarkdown(one.title);
  return `| ${name} | ${sign(one.works)} | ${speed} | ${escapeMarkdown([one.reason, one.hint ?? ""].join(" "))} |`;
}

function emulated({ accelerators }: HostReport): string[] {
  if (!accelerators.some(({ chosen, name }) => chosen && name === "tcg")) return [];
  return [`> ${l10n.t("Machines are emulated here: slower, and **not a security boundary**. Run only guests that you trust.")}`, ""];
}

function sign(yes: boolean): string {
  return yes ? "✓" : "–";
}
