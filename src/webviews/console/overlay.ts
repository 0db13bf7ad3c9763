import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { operationWords, pauseWord, plain } from "../../editor/index.ts";
import type { ConsoleAction, Overlay, OverlayButton } from "./messages.ts";

const { t } = vscode.l10n;

export interface Facts {
  /** Undefined: the machine was removed, or the list has not come yet. */
  readonly machine: MachineSummary | undefined;
  readonly listed: boolean;
  readonly connected: boolean;
  /** Why the screen cannot be shown although the machine runs. */
  readonly problem?: { readonly message: string; readonly hint?: string | undefined } | undefined;
}

/** What lies over the screen; `null`: nothing, the guest is to be seen and used. */
export function overlayOf({ machine, listed, connected, problem }: Facts): Overlay | null {
  if (!machine && problem)
    return { ...withoutScreen(problem), title: t("The background service does not answer"), tone: "error", buttons: [] };
  if (!machine)
    return listed
      ? { ...info(t("This machine was removed")), detail: t("It can come back from the trash.") }
      : busy(t("Looking for the machine …"));
  const { status } = machine;
  switch (status.state) {
    case "running":
      if (!status.responding) return notResponding();
      if (problem) return withoutScreen(problem);
      return connected ? null : busy(t("Connecting to the screen …"));
    case "paused":
      if (!status.responding) return notResponding();
      return {
        title: status.because === "user" ? t("Paused by you") : t("Paused: {0}", pauseWord(status.because)),
        tone: status.because === "user" || status.because === "guest-suspended" ? "info" : "error",
        dimmed: true,
        busy: false,
        buttons: [button("resume", t("Resume"), true)],
      };
    case "stopped":
      return { ...info(t("Stopped")), buttons: [button("start", t("Start"), true)] };
    case "suspended":
      return { ...info(t("Suspended")), detail: t("Its memory is saved on disk."), buttons: [button("start", t("Wake Up"), true)] };
    case "starting":
      return connected ? null : { ...busy(t("Starting …")), ...step(machine) };
    case "stopping":
      return { ...busy(t("Stopping …")), ...step(machine), dimmed: true };
    case "failed":
      return {
        title: t("Failed"),
        detail: sentences(status.message, status.hint),
        tone: "error",
        dimmed: false,
        busy: false,
        buttons: [button("start", t("Start"), true), button("showLogs", t("Show Logs"))],
      };
    case "damaged":
      return {
        title: t("Damaged"),
        detail: sentences(status.reason, status.hint),
        tone: "error",
        dimmed: false,
        busy: false,
        buttons: [button("openSettings", t("Open vm.json"), true)],
      };
  }
}

function notResponding(): Overlay {
  return {
    title: t("Not responding"),
    detail: t("QEMU does not answer. It may be busy, or it hangs."),
    tone: "warning",
    dimmed: true,
    busy: false,
    buttons: [button("kill", t("Kill")), button("showLogs", t("Show Logs"))],
  };
}

function withoutScreen({ message, hint }: NonNullable<Facts["problem"]>): Overlay {
  return {
    title: t("No screen to show"),
    detail: sentences(message, hint),
    tone: "info",
    dimmed: false,
    busy: false,
    buttons: [button("openSerial", t("Open Serial Console"), true)],
  };
}

function step(machine: MachineSummary): { detail?: string } {
  const words = operationWords(machine);
  return words === undefined ? {} : { detail: words };
}

function info(title: string): Overlay {
  return { title, tone: "info", dimmed: false, busy: false, buttons: [] };
}

function busy(title: string): Overlay {
  return { ...info(title), busy: true };
}

function button(action: ConsoleAction, label: string, primary = false): OverlayButton {
  return { action, label, primary };
}

function sentences(...parts: readonly (string | undefined)[]): string {
  const whole = parts.filter((part): part is string => part !== undefined && part !== "").map((part) => plain(part, 600));
  return whole.map((part) => (/[.!?…]$/.test(part) ? part : `${part}.`)).join(" ");
}
