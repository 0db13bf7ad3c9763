import * as vscode from "vscode";
import type { MachineDetails } from "../../api/index.ts";
import { plain, withCancellableProgress } from "../../editor/index.ts";
import type { Work } from "../command.ts";
import { fetchImage } from "../images/pull.ts";
import { sayTheyStay } from "../theyStay.ts";
import { createRequest, type Plan } from "./plan.ts";

const { l10n } = vscode;

/** Makes the machine and starts it. A start that fails leaves the machine, and says what to do. */
export async function makeMachine(work: Work, plan: Plan, { start }: { start: boolean }): Promise<MachineDetails | undefined> {
  const { editor } = work;
  const { guest } = plan;
  if (guest.from === "image" && guest.pull === true) await fetchImage(editor, { source: guest.image });
  const created = await withCancellableProgress(l10n.t("Creating {0}", plain(plan.name)), (options) =>
    editor.service.call("machine.create", createRequest(plan), options),
  );
  void work.view.reveal(created.id).catch(() => undefined);
  if (!start) return created;
  try {
    const started = await withCancellableProgress(l10n.t("Starting {0}", plain(plan.name)), (options) =>
      editor.service.call("machine.start", { machine: created.id }, options),
    );
    sayTheyStay(editor);
    await openConsole(created.id);
    return started;
  } catch (error) {
    void editor.presentError(error, { machine: created.id });
    return created;
  }
}

/** A new machine's screen is what one wants to see next; a setting says otherwise. */
async function openConsole(machine: string): Promise<void> {
  if (!vscode.workspace.getConfiguration("vivarium").get("openConsoleAfterCreate", true)) return;
  await vscode.commands.executeCommand("vivarium.openConsole", machine).then(undefined, () => undefined);
}
