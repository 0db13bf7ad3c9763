import * as vscode from "vscode";
import { isRunning, plain } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";

const { l10n } = vscode;

const target = { title: () => l10n.t("Machine"), fits: isRunning, none: () => l10n.t("No machine is running.") };

/** Sets the guest's clock from the host's. */
export const syncClock: Command = oneVerb({
  ...target,
  async run({ editor }, machine) {
    const { correctedMs } = await editor.service.call("machine.syncClock", { machine: machine.id });
    void vscode.window.showInformationMessage(
      l10n.t("{0}: the clock was off by {1} ms and is right now.", plain(machine.name), Math.round(correctedMs)),
    );
    return correctedMs;
  },
});

/** What the agent knows of the guest. */
export const guestInfo: Command = oneVerb({
  ...target,
  async run({ editor }, machine) {
    const info = await editor.service.call("machine.guestInfo", { machine: machine.id });
    const parts = [info.osName, info.kernel, info.hostname, info.addresses.join(", ")].filter((part) => part !== null && part !== "");
    void vscode.window.showInformationMessage(`${plain(machine.name)}: ${parts.map((part) => plain(part ?? "")).join(" · ")}`);
    return info;
  },
});

/** Puts viv-agent into a Linux guest, or makes an older one this build's. */
export const installAgent: Command = oneVerb({
  ...target,
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
