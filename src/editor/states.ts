import type { MachineSummary } from "../api/index.ts";

/** What can be done with a machine in its state: one place for menus (context values), pickers and buttons. */

export function hasProcess({ status }: MachineSummary): boolean {
  switch (status.state) {
    case "running":
    case "paused":
      return true;
    case "starting":
    case "stopping":
      return status.pid !== undefined;
    case "stopped":
    case "suspended":
    case "failed":
    case "damaged":
      return false;
  }
}

/** Start also wakes a suspended machine. */
export function canStart({ state }: MachineSummary): boolean {
  return state === "stopped" || state === "failed" || state === "suspended";
}

export function canStop({ state }: MachineSummary): boolean {
  return state === "running" || state === "paused" || state === "starting";
}

export function isRunning({ state }: MachineSummary): boolean {
  return state === "running";
}

export function canResume({ state }: MachineSummary): boolean {
  return state === "paused" || state === "suspended";
}

export function isWhole({ state }: MachineSummary): boolean {
  return state !== "damaged";
}

export function canRename(machine: MachineSummary): boolean {
  return isWhole(machine) && !hasProcess(machine) && machine.state !== "starting";
}

export function isUnresponsive({ status }: MachineSummary): boolean {
  return (status.state === "running" || status.state === "paused") && !status.responding;
}

/** QEMU's TCG runs guest code in an interpreter-like translator that is no security boundary (QEMU's security policy). */
export function isEmulated({ accelerator }: Pick<MachineSummary, "accelerator">): boolean {
  return accelerator === "tcg";
}

/** For `machine.set`: an empty value takes the key out. A group named `null` or `1` stays a text. */
export function groupAssignment(group: string | undefined): string {
  return group === undefined || group.trim() === "" ? "group=" : `group=${JSON.stringify(group.trim())}`;
}
