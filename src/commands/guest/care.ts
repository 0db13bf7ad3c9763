import * as vscode from "vscode";
import { bytesWords, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb } from "../command.ts";
import { runningGuest } from "./target.ts";

const { l10n } = vscode;

/** Tells the disks what the guest's file systems do not use. */
export const trimGuest: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const name = plain(machine.name);
    const done = await withCancellableProgress(l10n.t("Trimming the disks of {0}", name), (options) =>
      editor.service.call("guest.trim", { machine: machine.id }, options),
    );
    void vscode.window.showInformationMessage(
      done.bytes === null ? l10n.t("{0}: trimmed.", name) : l10n.t("{0}: trimmed, {1}.", name, bytesWords(done.bytes)),
    );
    return done;
  },
});

/** Holds writes for a while, for a backup from outside; the notification lets go. Other code passes the seconds. */
export const freezeGuest: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine, given) {
    const seconds = typeof given === "number" ? given : await askSeconds();
    if (seconds === undefined) return undefined;
    const done = await editor.service.call("guest.freeze", { machine: machine.id, seconds });
    const thaw = l10n.t("Thaw");
    const text = l10n.t("{0}: {1} file systems hold writes for at most {2} s.", plain(machine.name), done.filesystems, seconds);
    void vscode.window.showInformationMessage(text, thaw).then((chosen) => {
      if (chosen === thaw) void vscode.commands.executeCommand("vivarium.guest.thaw", machine.id);
    });
    return done;
  },
});

async function askSeconds(): Promise<number | undefined> {
  const text = await vscode.window.showInputBox({
    title: l10n.t("Freeze File Systems of the Guest"),
    prompt: l10n.t("Seconds, at most: the guest lets go by itself then"),
    value: "30",
    validateInput: (typed) =>
      /^\d{1,3}$/.test(typed) && Number(typed) >= 1 && Number(typed) <= 600 ? undefined : l10n.t("A number from 1 to 600"),
  });
  return text === undefined ? undefined : Number(text);
}

/** Lets the file systems go on. */
export const thawGuest: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const done = await editor.service.call("guest.thaw", { machine: machine.id });
    const name = plain(machine.name);
    void vscode.window.showInformationMessage(
      done.thawed ? l10n.t("{0}: its file systems go on.", name) : l10n.t("{0}: its file systems were not frozen.", name),
    );
    return done;
  },
});
