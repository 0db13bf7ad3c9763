import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb, type Work } from "../command.ts";
import { suggestName } from "../name.ts";
import { nameAndNote } from "../snapshots/name.ts";
import { templateNameProblem } from "./name.ts";
import { isForkable } from "./pick.ts";

const { l10n } = vscode;

/** One question: a name, and after a space a note. The machine goes on. */
export const makeTemplate: Command = oneVerb({
  title: () => l10n.t("Machine to make a template of"),
  fits: isForkable,
  none: () => l10n.t("No machine is running."),
  async run(work, machine, text) {
    const answer = typeof text === "string" ? text : await ask(work, machine);
    if (answer === undefined) return undefined;
    return create(work, machine, nameAndNote(answer));
  },
});

async function ask({ editor }: Work, machine: MachineSummary): Promise<string | undefined> {
  const taken = new Set((await editor.templates.reload()).map(({ name }) => name));
  const value = suggestName(machine.name, taken);
  return vscode.window.showInputBox({
    title: l10n.t("Make a Template of {0}", plain(machine.name)),
    value,
    valueSelection: [0, value.length],
    prompt: l10n.t("Its memory is kept as it is, secrets too, for you alone. Write a name; what follows after a space is a note."),
    validateInput: (given) => templateNameProblem(nameAndNote(given).name, taken),
  });
}

async function create(
  { editor, view }: Work,
  machine: MachineSummary,
  { name, note }: { readonly name: string; readonly note: string | undefined },
): Promise<unknown> {
  const params = { machine: machine.id, name, ...(note === undefined ? {} : { note }) };
  const made = await withCancellableProgress(l10n.t("Making a template of {0}", plain(machine.name)), (options) =>
    editor.service.call("template.create", params, options),
  );
  await editor.templates.reload();
  view.refresh(undefined);
  void offerForks(made.name, made.id);
  return made;
}

async function offerForks(name: string, id: string): Promise<void> {
  const forkIt = l10n.t("Fork");
  const text = l10n.t("{0} is a template: machines that go on from here start in a moment.", plain(name));
  if ((await vscode.window.showInformationMessage(text, forkIt)) === forkIt)
    await vscode.commands.executeCommand("vivarium.fork", { template: id });
}
