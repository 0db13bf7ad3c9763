import type { MachineSummary } from "../api/index.ts";
import { canRename, canResume, canStart, canStop, hasProcess, isUnresponsive } from "../editor/index.ts";

/**
 * What a machine's item offers, as tokens for `viewItem =~ /\btoken\b/` in package.json: one for the state, one for
 * each thing that can be done (microsoft/vscode#74699).
 */
export function contextValue(machine: MachineSummary): string {
  const tokens = ["machine", machine.state];
  if (hasProcess(machine)) tokens.push("live");
  if (canStart(machine)) tokens.push("startable");
  if (canStop(machine)) tokens.push("stoppable");
  if (canResume(machine)) tokens.push("resumable");
  if (canRename(machine)) tokens.push("changeable");
  if (isUnresponsive(machine)) tokens.push("unresponsive");
  if (machine.operation) tokens.push("busy");
  if (machine.fork) tokens.push("fork");
  if (machine.state !== "damaged") tokens.push("whole");
  return tokens.join(" ");
}
