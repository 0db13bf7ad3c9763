import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { machineWords, plain } from "../../editor/index.ts";
import { type Command, manyVerb, type Work } from "../command.ts";

const { l10n } = vscode;

const isFork = ({ fork }: MachineSummary): boolean => fork !== undefined;
const none = (): string => l10n.t("There is no fork.");

/** An ordinary machine from now on: it belongs to no template any more. */
export const keepFork: Command = manyVerb({
  title: () => l10n.t("Forks to keep"),
  fits: isFork,
  none,
  doing: (names) => l10n.t("Keeping {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("fork.keep", { machine: machine.id }, options),
  after: ({ view }: Work, machines) => {
    vscode.window.setStatusBarMessage(l10n.t("{0}: an ordinary machine now", machineWords(machines)), 6000);
    const [first] = machines;
    if (first) void view.reveal(first.id).catch(() => undefined);
  },
});

/** For good: a fork has no trash. */
export const removeFork: Command = manyVerb({
  title: () => l10n.t("Forks to remove"),
  fits: isFork,
  none,
  confirm,
  doing: (names) => l10n.t("Removing {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("fork.remove", { machine: machine.id }, options),
});

async function confirm(machines: readonly MachineSummary[]): Promise<boolean> {
  const settings = vscode.workspace.getConfiguration("vivarium");
  if (!settings.get<boolean>("confirmForkRemoval", true)) return true;
  const [remove, always] = [l10n.t("Remove"), l10n.t("Remove, and Don’t Ask Again")];
  const question = l10n.t("Remove {0} for good?", plain(machineWords(machines)));
  const detail = l10n.t(
    "Forks do not go to the trash: what was written there cannot be brought back. Keep Fork makes an ordinary machine of one.",
  );
  const chosen = await vscode.window.showWarningMessage(question, { modal: true, detail }, remove, always);
  if (chosen === always) await settings.update("confirmForkRemoval", false, vscode.ConfigurationTarget.Global);
  return chosen === remove || chosen === always;
}
