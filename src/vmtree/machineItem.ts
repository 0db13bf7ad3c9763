import * as vscode from "vscode";
import type { MachineDetails, MachineSummary } from "../api/index.ts";
import { acceleratorWord, emulatedWarning, isEmulated, lateWords, machineIcon, operationWords, plain, stateWord } from "../editor/index.ts";
import { contextValue } from "./contextValue.ts";
import { machineUri } from "./decorations.ts";

const { l10n } = vscode;

/** A machine's row from what is known without asking; `details` when they have come already. */
export function machineItem(machine: MachineSummary, details: MachineDetails | undefined): vscode.TreeItem {
  const damaged = machine.state === "damaged";
  const item = new vscode.TreeItem(
    plain(machine.name),
    damaged ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Collapsed,
  );
  item.id = `machine:${machine.id}`;
  item.iconPath = machineIcon(machine);
  item.description = description(machine, details);
  item.contextValue = contextValue(machine);
  item.resourceUri = machineUri(machine);
  item.accessibilityInformation = { label: spoken(machine, item.description) };
  return item;
}

/** Operation, else trouble, else how it runs and where it can be reached. */
export function description(machine: MachineSummary, details: MachineDetails | undefined): string {
  const operation = operationWords(machine);
  if (operation !== undefined) return operation;
  const { status } = machine;
  switch (status.state) {
    case "running":
      return [
        status.responding ? undefined : l10n.t("not responding"),
        machine.waitsFor && lateWords(machine.waitsFor),
        machine.fork && readyWords(details),
        accelerator(machine),
        reach(details),
      ]
        .filter(given)
        .join(" · ");
    case "paused":
      return [stateWord(machine), accelerator(machine)].filter(given).join(" · ");
    case "failed":
      return plain(`${stateWord(machine)}: ${status.message.split("\n")[0] ?? status.reason}`, 120);
    case "damaged":
      return plain(`${stateWord(machine)}: ${status.reason}`, 120);
    case "stopped":
      return "";
    case "starting":
    case "suspended":
    case "stopping":
      return stateWord(machine);
  }
}

/** A fork is ready when its agent answers and knows who it is: docs/forks.md. */
function readyWords(details: MachineDetails | undefined): string | undefined {
  const ms = details?.readiness.agent;
  return ms === undefined ? undefined : l10n.t("ready after {0} ms", Math.round(ms));
}

function accelerator(machine: MachineSummary): string | undefined {
  return machine.accelerator === null ? undefined : acceleratorWord(machine.accelerator);
}

/** The guest's own address where it has one that the host reaches, and up to three forwards. */
function reach(details: MachineDetails | undefined): string | undefined {
  if (!details) return undefined;
  const forwards = details.forwards.slice(0, 3).map(({ hostPort, guestPort }) => `:${hostPort}→${guestPort}`);
  const more = details.forwards.length > 3 ? ["…"] : [];
  const text = [...forwards, ...more].join(" ");
  return text === "" ? undefined : text;
}

/** For screen readers: name, state and place in words. Icons and colours say nothing there. */
function spoken(machine: MachineSummary, shown: string | boolean | undefined): string {
  const warning = isEmulated(machine) ? emulatedWarning() : undefined;
  const seen = typeof shown === "string" && shown !== "" ? shown.replaceAll("→", l10n.t(" to ")) : undefined;
  const state = stateWord(machine);
  return [plain(machine.name), seen?.startsWith(state) ? undefined : state, seen, warning].filter(given).join(", ");
}

function given(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
