import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { hasProcess, isWhole, plain } from "../editor/index.ts";
import { type Command, oneVerb, type Work } from "./command.ts";
import { pickOrType } from "./pickOrType.ts";

const { l10n } = vscode;

interface Setting {
  /** Dotted path in vm.json. */
  readonly key: string;
  fits(machine: MachineSummary): boolean;
  title(machine: string): string;
  placeHolder(): string;
  choices(): readonly string[];
  current(machine: MachineSummary): string | undefined;
  problem(text: string): string | undefined;
}

/** A quick edit of one value of vm.json; a running machine has it at its next start, and that is offered. */
export function changeSetting(setting: Setting): Command {
  return oneVerb({
    title: () => setting.title(l10n.t("a machine")),
    fits: isWhole,
    none: () => l10n.t("There is no machine whose vm.json can be read."),
    async run(work, machine, given) {
      const value =
        typeof given === "string"
          ? given
          : await pickOrType({
              title: setting.title(plain(machine.name)),
              placeHolder: setting.placeHolder(),
              choices: setting.choices().map((label) => ({ label })),
              current: setting.current(machine),
              problem: setting.problem,
            });
      if (value === undefined) return undefined;
      const changed = await work.editor.service.call("machine.set", { machine: machine.id, set: [`${setting.key}=${value}`] });
      if (hasProcess(machine) && changed.pendingChanges.length > 0) void offerRestart(work, machine);
      return changed;
    },
  });
}

async function offerRestart({ editor }: Work, machine: MachineSummary): Promise<void> {
  const restart = l10n.t("Restart");
  const chosen = await vscode.window.showInformationMessage(
    l10n.t("{0} runs: the change takes effect at its next start.", plain(machine.name)),
    restart,
  );
  if (chosen === restart) await vscode.commands.executeCommand("vivarium.restart", machine.id);
  editor.log.debug(`restart offered for ${machine.name}`);
}
