import * as vscode from "vscode";
import type { ErrorCode } from "../model/index.ts";
import type { AnyCommandId } from "./commandIds.ts";
import { plain } from "./text.ts";

const { l10n } = vscode;

export interface ErrorContext {
  /** The machine's name or id that the work was about: remedies act on it. */
  readonly machine?: string | undefined;
  /** Does the failed work again. */
  readonly retry?: (() => Thenable<unknown>) | undefined;
}

interface Remedy {
  readonly title: () => string;
  readonly command: AnyCommandId;
}

const startIt: Remedy = { title: () => l10n.t("Start"), command: "vivarium.start" };
const stopIt: Remedy = { title: () => l10n.t("Stop"), command: "vivarium.stop" };
const killIt: Remedy = { title: () => l10n.t("Kill"), command: "vivarium.kill" };
const openDefinition: Remedy = { title: () => l10n.t("Open vm.json"), command: "vivarium.editDefinition" };
const showReport: Remedy = { title: () => l10n.t("Host Report"), command: "vivarium.hostReport" };
const showLogs: Remedy = { title: () => l10n.t("Show Logs"), command: "vivarium.showLogs" };
const showSerial: Remedy = { title: () => l10n.t("Show Serial Log"), command: "vivarium.showSerialLog" };
const emptyTrash: Remedy = { title: () => l10n.t("Empty Trash"), command: "vivarium.emptyTrash" };
const setMemory: Remedy = { title: () => l10n.t("Change Memory"), command: "vivarium.setMemory" };
const showOwnLog: Remedy = { title: () => l10n.t("Show Log"), command: "vivarium.showLog" };

/** What a person can do about an error, as buttons. The hint says the same in words. */
const remedies: Partial<Record<ErrorCode, readonly Remedy[]>> = {
  "not-responding": [killIt, showLogs],
  "qmp-error": [showLogs],
  "invalid-definition": [openDefinition],
  damaged: [openDefinition],
  "qemu-crashed": [showLogs, startIt],
  "qemu-lost": [showLogs, startIt],
  timeout: [showSerial],
  "disk-full": [emptyTrash],
  "io-error": [showLogs],
  "not-enough-memory": [setMemory],
  "qemu-missing": [showReport],
  "qemu-too-old": [showReport],
  "host-cannot": [showReport],
  "bundle-damaged": [showReport],
  "daemon-unavailable": [showOwnLog],
  "version-conflict": [showOwnLog],
  internal: [showOwnLog],
};

export interface ErrorFacts {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** A VivError crosses module copies: it is known by its fields. */
export function factsOf(thrown: unknown): ErrorFacts {
  const error = thrown as { code?: ErrorCode; message?: unknown; hint?: unknown; name?: unknown } | undefined;
  return {
    code: error?.name === "VivError" ? error.code : undefined,
    message: typeof error?.message === "string" ? error.message : String(thrown),
    hint: typeof error?.hint === "string" ? error.hint : undefined,
  };
}

/** A wrong state is mended by the opposite of what the machine does. */
export function remediesFor({ code }: ErrorFacts, live: boolean | undefined): readonly Remedy[] {
  if (code === undefined) return [showOwnLog];
  if (code === "wrong-state") return live === undefined ? [] : [live ? stopIt : startIt];
  return remedies[code] ?? [];
}

/** One sentence or two, and a way out. Cancelled work is no error: nothing is shown. */
export async function presentError(
  thrown: unknown,
  context: ErrorContext & { live?: boolean | undefined; log?: Pick<vscode.LogOutputChannel, "error"> | undefined } = {},
): Promise<void> {
  const facts = factsOf(thrown);
  if (facts.code === "cancelled" || thrown instanceof vscode.CancellationError) return;
  context.log?.error(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  const offered = remediesFor(facts, context.live).map((remedy) => ({ ...remedy, label: remedy.title() }));
  const again = l10n.t("Try Again");
  const mayTryAgain = context.retry && (facts.code === "daemon-unavailable" || facts.code === "version-conflict");
  const buttons = [...(mayTryAgain ? [again] : []), ...offered.map(({ label }) => label)];
  const text = [facts.message, facts.hint].filter((part) => part !== undefined && part !== "").map((part) => plain(part ?? "", 600));
  const chosen = await vscode.window.showErrorMessage(text.join(" "), ...buttons);
  if (chosen === undefined) return;
  if (chosen === again) {
    await context.retry?.();
    return;
  }
  const remedy = offered.find(({ label }) => label === chosen);
  if (remedy) await vscode.commands.executeCommand(remedy.command, ...(context.machine === undefined ? [] : [context.machine]));
}
