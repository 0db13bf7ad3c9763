import * as vscode from "vscode";
import { plain } from "../../editor/index.ts";
import { type Command, oneVerb } from "../command.ts";
import { runningGuest } from "./target.ts";

const { l10n } = vscode;

/** Which viv-agent the guest has, and a button for what is missing. */
export const agentStatus: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const status = await editor.service.call("guest.agentStatus", { machine: machine.id });
    void say(machine, status);
    return status;
  },
});

async function say(
  { id, name }: { id: string; name: string },
  { installed, offered, upToDate }: { installed: { build: string } | null; offered: string | null; upToDate: boolean },
): Promise<void> {
  const [install, upgrade] = [l10n.t("Install"), l10n.t("Upgrade")];
  const { showInformationMessage } = vscode.window;
  if (!installed) {
    const text = l10n.t("{0} has no viv-agent; commands and files go by its other agent or SSH.", plain(name));
    if ((await showInformationMessage(text, install)) === install) await vscode.commands.executeCommand("vivarium.installAgent", id);
  } else if (upToDate || offered === null) {
    await showInformationMessage(l10n.t("{0}: viv-agent {1} is up to date.", plain(name), plain(installed.build)));
  } else {
    const text = l10n.t("{0}: viv-agent {1}; {2} goes with this Vivarium.", plain(name), plain(installed.build), offered);
    if ((await showInformationMessage(text, upgrade)) === upgrade) await vscode.commands.executeCommand("vivarium.upgradeAgent", id);
  }
}

/** Puts viv-agent into a Linux guest as a service. */
export const installAgent: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const name = plain(machine.name);
    const work = editor.service.call("guest.installAgent", { machine: machine.id });
    const { build } = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: l10n.t("{0}: installing viv-agent", name) },
      () => work,
    );
    void vscode.window.showInformationMessage(l10n.t("{0}: viv-agent {1} answers.", name, build));
    return build;
  },
});

/** Makes the guest's running viv-agent this build's, in its place. */
export const upgradeAgent: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const done = await editor.service.call("guest.upgradeAgent", { machine: machine.id });
    const name = plain(machine.name);
    void vscode.window.showInformationMessage(
      done.from === done.to
        ? l10n.t("{0}: viv-agent {1} is up to date.", name, plain(done.to))
        : done.lasting
          ? l10n.t("{0}: viv-agent {1} became {2}.", name, plain(done.from), done.to)
          : l10n.t("{0}: viv-agent {1} became {2}, until the guest's next start.", name, plain(done.from), done.to),
    );
    return done;
  },
});
