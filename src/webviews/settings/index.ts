import { join } from "node:path";
import * as vscode from "vscode";
import { type Editor, isWhole, pickMachine } from "../../editor/index.ts";
import { l10n } from "../ui/l10n.ts";

/** The settings form: a custom text editor over `vm.json`. */

const viewType = "vivarium.settings";

/** The form brings the model's schemas with it: loaded when the window has come to rest, or by the first form. */
async function loadForm(extensionUri: vscode.Uri) {
  const { SettingsForm, formTexts } = await import("./form.ts");
  return { SettingsForm, texts: await formTexts(extensionUri) };
}
const quietMs = 1500;

export function registerSettings(editor: Editor): vscode.Disposable {
  l10n.use(vscode.l10n.bundle);
  const { extensionUri } = editor.context;
  let early: NodeJS.Timeout | undefined;
  return vscode.Disposable.from(
    editor.service.onDidConnect(() => {
      early ??= setTimeout(() => void loadForm(extensionUri).catch(() => undefined), quietMs);
    }),
    new vscode.Disposable(() => clearTimeout(early)),
    vscode.window.registerCustomEditorProvider(viewType, {
      async resolveCustomTextEditor(document, panel) {
        const { SettingsForm, texts } = await loadForm(extensionUri);
        const form = new SettingsForm(editor, document, panel, texts);
        panel.onDidDispose(() => form.dispose());
      },
    }),
    editor.register("vivarium.editSettings", (...args) => editSettings(editor, args)),
    editor.register("vivarium.settings.openAsJson", (uri) => reopen(uri, "default")),
    editor.register("vivarium.settings.openForm", (uri) => reopen(uri, viewType)),
  );
}

async function editSettings(editor: Editor, args: readonly unknown[]): Promise<void> {
  const options = { title: l10n.t("Edit Settings"), fits: isWhole, none: l10n.t("No machine has settings that can be read.") };
  const machine = await pickMachine(editor, args, options);
  if (!machine) return;
  const { folder } = await editor.machines.details(machine.id);
  await vscode.commands.executeCommand("vscode.openWith", vscode.Uri.file(join(folder, "vm.json")), viewType);
}

/** The tab becomes the other view of the same document; what is not saved stays as it is. */
async function reopen(uri: unknown, view: string): Promise<void> {
  const active = activeUri();
  const wanted = uri instanceof vscode.Uri ? uri : active;
  if (!wanted) throw new Error(l10n.t("Open the vm.json of a machine first."));
  if (active?.toString() === wanted.toString()) await vscode.commands.executeCommand("reopenActiveEditorWith", view);
  else await vscode.commands.executeCommand("vscode.openWith", wanted, view);
}

function activeUri(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom ? input.uri : undefined;
}
