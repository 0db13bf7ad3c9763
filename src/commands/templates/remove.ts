import * as vscode from "vscode";
import type { TemplateView } from "../../api/index.ts";
import { bytesWords, machineWords, plain, withCancellableProgress } from "../../editor/index.ts";
import type { Command, Work } from "../command.ts";
import { templateVerb } from "./pick.ts";

const { l10n } = vscode;

/** For good, after a question; while forks run it says so, and stops them when asked to. */
export const removeTemplate: Command = templateVerb({
  title: () => l10n.t("Template to delete"),
  async run(work, template) {
    const running = template.forks.filter((one) => one.running);
    if (running.length > 0) return refuse(work, template, running);
    const action = l10n.t("Delete for Good");
    const detail = l10n.t("It cannot be brought back. Forks of it that are stopped stay, and boot when they are started.");
    const question = l10n.t("Delete the template {0} ({1})?", plain(template.name), bytesWords(template.ownBytes));
    if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) !== action) return undefined;
    return remove(work, template);
  },
});

async function refuse(work: Work, template: TemplateView, running: readonly { id: string; name: string }[]): Promise<unknown> {
  const stop = l10n.t("Stop Them and Delete");
  const names = machineWords(running);
  const said = l10n.t("The template {0} stays while forks of it run, as they read its memory: {1}.", plain(template.name), names);
  if ((await vscode.window.showWarningMessage(said, stop)) !== stop) return undefined;
  await withCancellableProgress(l10n.t("Stopping {0}", names), (options) =>
    Promise.all(running.map(({ id }) => work.editor.service.call("machine.stop", { machine: id }, options))),
  );
  return remove(work, template);
}

async function remove({ editor }: Work, template: TemplateView): Promise<unknown> {
  const gone = await withCancellableProgress(l10n.t("Deleting {0}", plain(template.name)), (options) =>
    editor.service.call("template.remove", { template: template.id }, options),
  );
  vscode.window.setStatusBarMessage(l10n.t("{0} freed.", bytesWords(gone.freedBytes)), 6000);
  return gone;
}
