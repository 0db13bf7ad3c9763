import * as vscode from "vscode";
import type { ForkView, Params } from "../../api/index.ts";
import { type Editor, isMachineRef, isTemplateRef, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, presentError, type Work } from "../command.ts";
import { snapshotVerb } from "../snapshots/pick.ts";
import { type Origin, pickOrigin } from "./pick.ts";

const { l10n } = vscode;

const most = 256;

/** Machines that go on where a template, or a running machine, stands: one question, how many. */
export const fork: Command = async (work, given, count) => {
  const origin = await originOf(work.editor, given);
  const many = origin && (typeof count === "number" ? count : await askCount(nameOf(origin)));
  if (!origin || many === undefined) return undefined;
  return forkOrigin(work, origin, many);
};

/** One of it, and a shell in it. */
export const forkAndOpenTerminal: Command = async (work, given) => {
  const origin = await originOf(work.editor, given);
  const made = origin && (await forkOrigin(work, origin, 1));
  const [only] = made ?? [];
  if (only) await vscode.commands.executeCommand("vivarium.openShell", only.id);
  return made;
};

/** Machines that go on from a snapshot with memory; a template is made of it on the way, once. */
export const forkSnapshot: Command = snapshotVerb({
  title: () => l10n.t("Snapshot to fork"),
  fits: ({ consistency, removedAt }) => consistency === "memory" && removedAt === null,
  none: (machine) => l10n.t("{0} has no snapshot with memory.", machine),
  async run(work, { machine, snapshot }, given) {
    const from = l10n.t("{0} of {1}", plain(snapshot.name), plain(machine.name));
    const count = typeof given === "number" ? given : await askCount(from);
    if (count === undefined) return undefined;
    return createForks(work, { source: machine.id, snapshot: snapshot.id, count }, from);
  },
});

async function originOf(editor: Editor, given: unknown): Promise<Origin | undefined> {
  if (isTemplateRef(given) || typeof given === "string") await editor.templates.reload();
  const template = isTemplateRef(given) ? given.template : given;
  const known = typeof template === "string" ? editor.templates.find(template) : undefined;
  if (known) return { template: known };
  if (!isMachineRef(given) && typeof given !== "string") return pickOrigin(editor, l10n.t("Fork"));
  await editor.machines.load();
  const machine = editor.machines.find(isMachineRef(given) ? given.machine : given);
  if (!machine) throw new Error(l10n.t("There is no template and no machine “{0}”.", plain(String(template))));
  return { machine };
}

function nameOf(origin: Origin): string {
  return plain("template" in origin ? origin.template.name : origin.machine.name);
}

async function askCount(from: string): Promise<number | undefined> {
  const text = await vscode.window.showInputBox({
    title: l10n.t("Fork {0}", from),
    value: "1",
    valueSelection: [0, 1],
    prompt: l10n.t("How many machines? Each runs at once, where it stands."),
    validateInput: (given) => (countOf(given) === undefined ? l10n.t("A number from 1 to {0}", most) : undefined),
  });
  return text === undefined ? undefined : countOf(text);
}

function countOf(text: string): number | undefined {
  const count = /^\s*\d{1,3}\s*$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= most ? count : undefined;
}

async function forkOrigin(work: Work, origin: Origin, count: number): Promise<readonly ForkView[] | undefined> {
  if ("template" in origin) return createForks(work, { source: origin.template.id, count }, nameOf(origin));
  try {
    return await createForks(work, { source: origin.machine.id, present: true, count }, nameOf(origin));
  } catch (error) {
    presentError(work, error, origin.machine, () => forkOrigin(work, origin, count));
    return undefined;
  }
}

async function createForks({ editor, view }: Work, params: Params<"fork.create">, from: string): Promise<readonly ForkView[]> {
  const forks = await withCancellableProgress(l10n.t("Forking {0}", from), (options) =>
    editor.service.call("fork.create", params, options),
  );
  await Promise.all([editor.machines.reload(), editor.templates.reload()]);
  view.refresh(undefined);
  const [first] = forks;
  if (first) void view.reveal(first.id).catch(() => undefined);
  say(forks);
  return forks;
}

function say(forks: readonly ForkView[]): void {
  const late = forks.filter(({ readyMs }) => readyMs === null);
  const [first] = late;
  if (first) {
    const why = `${plain(first.name)}: ${plain(first.reason ?? "", 300)}`;
    void vscode.window.showWarningMessage(l10n.t("{0} of {1} forks run and are not ready. {2}", late.length, forks.length, why));
    return;
  }
  const slowest = Math.round(Math.max(...forks.map(({ readyMs }) => readyMs ?? 0)));
  const [only, another] = forks;
  const text =
    only && !another
      ? l10n.t("{0} is ready after {1} ms.", plain(only.name), slowest)
      : l10n.t("{0} forks are ready after {1} ms.", forks.length, slowest);
  vscode.window.setStatusBarMessage(text, 6000);
}
