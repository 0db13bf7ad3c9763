import { stat } from "node:fs/promises";
import * as vscode from "vscode";
import type { MachineSummary, Params } from "../api/index.ts";
import { anyMachine, type Command, oneVerb, type Work } from "./command.ts";

const { l10n } = vscode;

type LogName = Params<"machine.logs">["log"];

const target = { fits: anyMachine, none: () => l10n.t("There is no machine.") };

/** What the guest wrote to its serial port. */
export const showSerialLog: Command = oneVerb({
  ...target,
  title: () => l10n.t("Machine whose serial log to show"),
  run: (work, machine) => show(work, machine, "serial"),
});

/** One of the machine's logs. */
export const showLogs: Command = oneVerb({
  ...target,
  title: () => l10n.t("Machine whose logs to show"),
  async run(work, machine, given) {
    const items: (vscode.QuickPickItem & { log: LogName })[] = [
      { label: l10n.t("Serial console"), description: l10n.t("what the guest wrote"), log: "serial" },
      { label: l10n.t("QEMU"), description: l10n.t("what the emulator said"), log: "qemu" },
      { label: l10n.t("Events"), description: l10n.t("every event of the machine, one JSON line each"), log: "events" },
    ];
    const asked = items.find(({ log }) => log === given);
    const chosen = asked ?? (await vscode.window.showQuickPick(items, { title: l10n.t("Log of {0}", machine.name) }));
    return chosen && show(work, machine, chosen.log);
  },
});

/** The file itself: the editor shows what is added to it. */
async function show({ editor }: Work, machine: MachineSummary, log: LogName): Promise<string | undefined> {
  const { file } = await editor.service.call("machine.logs", { machine: machine.id, log, maximumBytes: 1 });
  if (!(await stat(file).catch(() => undefined))) {
    void vscode.window.showInformationMessage(l10n.t("{0} has no such log yet.", machine.name));
    return undefined;
  }
  await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: true });
  return file;
}
