import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
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

function icon(id: string, color?: string): vscode.ThemeIcon {
  return new vscode.ThemeIcon(id, color === undefined ? undefined : new vscode.ThemeColor(color));
}
