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
  /** What else helps here, before what helps with every error of this kind. */
  readonly offers?: readonly Offer[] | undefined;
}

export interface Offer {
  readonly title: string;
  run(): Thenable<unknown>;
}

interface Remedy {
  readonly title: () => string;
  /** A command of ours, which gets the machine; or one of VS Code's with its own `args`. */
  readonly command: AnyCommandId | "workbench.action.openSettings";
  readonly args?: readonly string[];
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
const openSerial: Remedy = { title: () => l10n.t("Open Serial Console"), command: "vivarium.openSerialConsole" };
const setting = (name: string): Remedy => ({
  title: () => l10n.t("Open Setting"),
  command: "workbench.action.openSettings",
  args: [name],
});
const showOwnLog: Remedy = { title: () => l10n.t("Show Log"), command: "vivarium.showLog" };

/** What a person can do about an error, as buttons; the hint says the same in words. A code that is missing does not compile. */
const remedies: Record<ErrorCode, readonly Remedy[]> = {
  internal: [showOwnLog],
  failed: [showLogs],
  cancelled: [],
  timeout: [showSerial],
  damaged: [openDefinition],
  "disk-full": [emptyTrash],
  "io-error": [showLogs],
  "qemu-crashed": [showLogs, startIt],
  "qemu-lost": [showLogs, startIt],
  "not-responding": [killIt, showLogs],
  "qmp-error": [showLogs],
  "agent-unavailable": [openSerial],
  "agent-failed": [openSerial],
  "ssh-failed": [openSerial],
  "daemon-unavailable": [showOwnLog],
  // The hint says what to do with the file; no button could choose it.
  "untrusted-input": [],
  // Another file or user of the guest is meant.
  "no-permission": [],
  "not-a-folder": [],
  "is-a-folder": [],
  // A word that was typed, or a thing that is gone: another is named.
  usage: [],
  "invalid-name": [],
  "invalid-definition": [openDefinition],
  "not-found": [],
  // By what the machine does now: remediesFor.
  "wrong-state": [],
  exists: [],
  // Somebody else is at it: Try Again.
  locked: [],
  "version-conflict": [showOwnLog],
  "host-cannot": [showReport],
  "qemu-missing": [showReport, setting("vivarium.qemuPath")],
  "qemu-too-old": [showReport, setting("vivarium.qemuPath")],
  "bundle-damaged": [showReport],
  "home-unusable": [setting("vivarium.home")],
  "not-enough-memory": [setMemory],
};

/** Errors that pass by themselves: what failed may be asked for again. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "daemon-unavailable",
  "version-conflict",
  "locked",
  "home-unusable",
  "disk-full",
]);

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
  // A newer service may have codes that this window does not know.
  return remedies[code] ?? [showOwnLog];
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
  const mayTryAgain = context.retry !== undefined && facts.code !== undefined && passing.has(facts.code);
  const buttons = [
    ...(mayTryAgain ? [again] : []),
    ...(context.offers ?? []).map(({ title }) => title),
    ...offered.map(({ label }) => label),
  ];
  const text = [facts.message, facts.hint].filter((part) => part !== undefined && part !== "").map((part) => plain(part ?? "", 600));
  const chosen = await vscode.window.showErrorMessage(text.join(" "), ...buttons);
  if (chosen === undefined) return;
  if (chosen === again) {
    await context.retry?.();
    return;
  }
  const offer = context.offers?.find(({ title }) => title === chosen);
  if (offer) {
    await offer.run();
    return;
  }
  const remedy = offered.find(({ label }) => label === chosen);
  if (remedy)
    await vscode.commands.executeCommand(remedy.command, ...(remedy.args ?? (context.machine === undefined ? [] : [context.machine])));
}
