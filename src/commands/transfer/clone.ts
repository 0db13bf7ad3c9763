import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb, type Work } from "../command.ts";
import { nameProblem, suggestName } from "../name.ts";
import { snapshotVerb } from "../snapshots/pick.ts";

const { l10n } = vscode;

/** A new machine of what a machine is now: in an instant and sharing what is there, or with a copy of its own. */
export const cloneMachine: Command = oneVerb({
  title: () => l10n.t("Machine to clone"),
  fits: isWhole,
  none: () => l10n.t("There is no machine whose vm.json can be read."),
  run: (work, machine, name, linked) => clone(work, machine, undefined, name, linked),
});

/** A new machine of one of its snapshots. */
export const cloneSnapshot: Command = snapshotVerb({
  title: () => l10n.t("Snapshot to clone"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  run: (work, { machine, snapshot }, name, linked) => clone(work, machine, snapshot, name, linked),
});

async function clone(
  work: Work,
  machine: MachineSummary,
  snapshot: { readonly id: string; readonly name: string } | undefined,
  givenName: unknown,
  givenLinked: unknown,
): Promise<unknown> {
  const { editor } = work;
  const from = snapshot ? l10n.t("{0} of {1}", plain(snapshot.name), plain(machine.name)) : plain(machine.name);
  const name =
    typeof givenName === "string" ? givenName : await askName(work, from, snapshot ? `${machine.name}-${snapshot.name}` : machine.name);
  if (name === undefined) return undefined;
  const linked = typeof givenLinked === "boolean" ? givenLinked : await askLinked(from);
  if (linked === undefined) return undefined;
  const made = await withCancellableProgress(l10n.t("Cloning {0}", from), (options) =>
    editor.service.call("machine.clone", { machine: machine.id, name, linked, ...(snapshot ? { snapshot: snapshot.id } : {}) }, options),
  );
  await editor.machines.reload();
  void work.view.reveal(made.id).catch(() => undefined);
  void offer(made);
  return made;
}

function askName({ editor }: Work, from: string, base: string): Thenable<string | undefined> {
  const taken = new Set(editor.machines.all.map(({ name }) => name));
  return vscode.window.showInputBox({
    title: l10n.t("Clone of {0}", from),
    value: suggestName(`${base}-clone`, taken),
    prompt: l10n.t("The name of the new machine"),
    validateInput: (text) => nameProblem(text, taken),
  });
}

async function askLinked(from: string): Promise<boolean | undefined> {
  const items = [
    {
      label: l10n.t("Linked"),
      description: l10n.t("at once"),
      detail: l10n.t("Shares what is there now, and writes to a layer of its own."),
      iconPath: new vscode.ThemeIcon("link"),
      linked: true,
    },
    {
      label: l10n.t("Full"),
      description: l10n.t("takes as long as a copy"),
      detail: l10n.t("Has a copy of everything and shares nothing."),
      iconPath: new vscode.ThemeIcon("copy"),
      linked: false,
    },
  ];
  return (await vscode.window.showQuickPick(items, { title: l10n.t("Clone of {0}", from) }))?.linked;
}

async function offer({ id, name, linked, way }: { id: string; name: string; linked: boolean; way: string }): Promise<void> {
  const start = l10n.t("Start");
  const settings = l10n.t("Settings");
  const made = linked
    ? l10n.t("{0} was made; it shares what is there.", plain(name))
    : way === "reflink"
      ? l10n.t("{0} was made; the file system shares what is equal.", plain(name))
      : l10n.t("{0} was made with a copy of everything.", plain(name));
  const chosen = await vscode.window.showInformationMessage(made, start, settings);
  if (chosen === start) await vscode.commands.executeCommand("vivarium.start", id);
  else if (chosen === settings) await vscode.commands.executeCommand("vivarium.editSettings", id);
}
