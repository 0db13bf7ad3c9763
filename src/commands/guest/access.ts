import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { type Editor, plain } from "../../editor/index.ts";
import { type Command, oneVerb } from "../command.ts";
import { runningGuest } from "./target.ts";

const { l10n } = vscode;

/** A new password of a user of the guest. It goes to the guest alone: no setting, log or file has it. */
export const setPassword: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const title = l10n.t("Set Password in {0}", plain(machine.name));
    const user = await askUser(title);
    if (user === undefined) return undefined;
    const password = await vscode.window.showInputBox({
      title,
      prompt: l10n.t("New password of {0}", plain(user)),
      password: true,
      ignoreFocusOut: true,
      validateInput: (text) => (text === "" ? l10n.t("It must not be empty.") : undefined),
    });
    if (password === undefined) return undefined;
    const done = await editor.service.call("guest.setPassword", { machine: machine.id, user, password });
    void vscode.window.showInformationMessage(l10n.t("{0}: the password of {1} is set.", plain(machine.name), plain(user)));
    return done;
  },
});

/** Lets an SSH public key of a file log in. Other code passes the user and the file. */
export const addKey: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine, givenUser, givenFile) {
    const title = l10n.t("Add SSH Key to {0}", plain(machine.name));
    const user = typeof givenUser === "string" ? givenUser : await askUser(title);
    const file = user === undefined ? undefined : givenFile instanceof vscode.Uri ? givenFile : await askKeyFile(title);
    if (user === undefined || !file) return undefined;
    const key = (await readFile(file.fsPath, "utf8")).trim();
    if (/PRIVATE KEY/.test(key))
      throw new Error(l10n.t("{0} is a private key; choose its other half, the .pub file.", plain(file.fsPath, 300)));
    const done = await editor.service.call("guest.addKey", { machine: machine.id, user, key });
    void vscode.window.showInformationMessage(
      done.added
        ? l10n.t("{0}: {1} may log in with it.", plain(machine.name), plain(user))
        : l10n.t("{0}: {1} could log in with it already.", plain(machine.name), plain(user)),
    );
    return done;
  },
});

async function askKeyFile(title: string): Promise<vscode.Uri | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      title,
      openLabel: l10n.t("Use This Key"),
      defaultUri: vscode.Uri.file(join(homedir(), ".ssh")),
      filters: { [l10n.t("Public keys")]: ["pub"], [l10n.t("All files")]: ["*"] },
    })) ?? [];
  return file;
}

/** The keys that may log in, and those of them that are chosen are taken away. */
export const removeKey: Command = oneVerb({
  ...runningGuest,
  async run({ editor }, machine) {
    const title = l10n.t("Remove SSH Key from {0}", plain(machine.name));
    const user = await askUser(title);
    const key = user === undefined ? undefined : await askKey(editor, machine.id, user, title);
    if (user === undefined || key === undefined) return undefined;
    const done = await editor.service.call("guest.removeKey", { machine: machine.id, user, key });
    void vscode.window.showInformationMessage(l10n.t("{0}: the key of {1} was removed.", plain(machine.name), plain(user)));
    return done;
  },
});

async function askKey(editor: Editor, machine: string, user: string, title: string): Promise<string | undefined> {
  const { keys } = await editor.service.call("guest.listKeys", { machine, user });
  if (keys.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("No key may log in as {0}.", plain(user)));
    return undefined;
  }
  const items = keys.map((key) => {
    const [type = "", data = "", ...comment] = key.split(" ");
    return { label: plain(comment.join(" ") || type, 100), description: plain(`${type} …${data.slice(-16)}`, 100), key };
  });
  return (await vscode.window.showQuickPick(items, { title, placeHolder: l10n.t("Who may no longer log in as {0}?", plain(user)) }))?.key;
}

function askUser(title: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({ title, prompt: l10n.t("User of the guest"), value: "root" });
}
