import * as vscode from "vscode";
import type { MachineSummary, SnapshotView } from "../api/index.ts";
import { isUnresponsive } from "./states.ts";

/** A machine's state as a codicon; colours are the theme's own, and never the only sign. */
export function machineIcon(machine: MachineSummary): vscode.ThemeIcon {
  if (machine.operation) return icon("loading~spin");
  if (isUnresponsive(machine)) return icon("warning", "list.warningForeground");
  switch (machine.state) {
    case "running":
      return icon("vm-running", "testing.iconPassed");
    case "starting":
    case "stopping":
      return icon("loading~spin");
    case "paused":
      return icon("debug-pause", "list.warningForeground");
    case "suspended":
      return icon("vm-outline", "charts.blue");
    case "failed":
      return icon("error", "list.errorForeground");
    case "damaged":
      return icon("warning", "list.errorForeground");
    case "stopped":
      return icon("vm");
  }
}

/** What a snapshot holds: memory and disks, disks alone, or something that is missing. */
export function snapshotIcon({ consistency, problem }: Pick<SnapshotView, "consistency" | "problem">): vscode.ThemeIcon {
  if (problem !== undefined) return icon("warning", "list.warningForeground");
  switch (consistency) {
    case "memory":
      return icon("device-camera", "charts.blue");
    case "quiesced":
    case "crash-consistent":
      return icon("database");
    case "stopped":
      return icon("vm-outline");
  }
}

function icon(id: string, color?: string): vscode.ThemeIcon {
  return new vscode.ThemeIcon(id, color === undefined ? undefined : new vscode.ThemeColor(color));
}
