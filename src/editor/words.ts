import * as vscode from "vscode";
import type { MachineDetails, MachineSummary } from "../api/index.ts";
import type { Impairment } from "../model/index.ts";
import { plain } from "./text.ts";

/** States, causes and operations in the user's language. */

const { l10n } = vscode;

export function stateWord({ status }: MachineSummary): string {
  switch (status.state) {
    case "running":
      return status.responding ? l10n.t("running") : l10n.t("running, not responding");
    case "paused":
      return status.responding ? l10n.t("paused ({0})", pauseWord(status.because)) : l10n.t("paused, not responding");
    case "stopped":
      return l10n.t("stopped");
    case "starting":
      return l10n.t("starting");
    case "suspended":
      return l10n.t("suspended");
    case "stopping":
      return l10n.t("stopping");
    case "failed":
      return l10n.t("failed");
    case "damaged":
      return l10n.t("damaged");
  }
}

/** `late: waits for kernel`. */
export function lateWords({ step }: NonNullable<MachineSummary["waitsFor"]>): string {
  return l10n.t("not ready, waits for {0}", plain(step));
}

type PauseCause = Extract<MachineSummary["status"], { state: "paused" }>["because"];

export function pauseWord(cause: PauseCause): string {
  switch (cause) {
    case "user":
      return l10n.t("by you");
    case "disk-full":
      return l10n.t("the host's disk is full");
    case "io-error":
      return l10n.t("a disk failed");
    case "panic":
      return l10n.t("the guest's kernel panicked");
    case "watchdog":
      return l10n.t("the watchdog fired");
    case "internal-error":
      return l10n.t("QEMU met an internal error");
    case "guest-suspended":
      return l10n.t("the guest sleeps");
  }
}

/** `start: booting 40 %`, as the service says it. */
export function operationWords({ operation }: Pick<MachineSummary, "operation">): string | undefined {
  if (!operation) return undefined;
  const percent = operation.percent === undefined ? "" : ` ${Math.floor(operation.percent)} %`;
  return `${plain(operation.step)}${percent}`;
}

export function acceleratorWord(accelerator: string): string {
  switch (accelerator) {
    case "kvm":
      return "KVM";
    case "hvf":
      return "HVF";
    case "whpx":
      return "WHPX";
    case "tcg":
      return l10n.t("emulated");
    default:
      return plain(accelerator);
  }
}

/** Shown wherever a person could take an emulated machine for a wall. */
export function emulatedWarning(): string {
  return l10n.t("Emulated: not a security boundary");
}

/** `memory: 512M → 1G`; of what is no single value, the place alone. */
export function pendingWords({ path, before, after }: MachineDetails["pending"][number]): string {
  const single = [before, after].every((value) => typeof value !== "object" || value === null);
  return plain(single ? `${path}: ${String(before ?? "–")} → ${String(after ?? "–")}` : path);
}

/** Bytes for people: `1.5 GiB`. The model's own humanBytes would load its schemas with it at activation. */
export function bytesWords(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** unit;
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, "")} ${units[unit]}`;
}

/** `one`, `one and two`, `5 machines`. */
export function machineWords(machines: readonly { name: string }[]): string {
  const [first, second] = machines;
  if (first && !second) return plain(first.name);
  if (first && second && machines.length === 2) return l10n.t("{0} and {1}", plain(first.name), plain(second.name));
  return l10n.t("{0} machines", machines.length);
}

/** `100 ms later, 10 % lost`: what a link suffers, each way. */
export function impairmentWords({ delayMs, jitterMs, lossPercent, bytesPerSecond, partition }: Impairment): string {
  return [
    delayMs === undefined ? undefined : l10n.t("{0} ms later", delayMs),
    jitterMs === undefined ? undefined : l10n.t("up to {0} ms more", jitterMs),
    lossPercent === undefined ? undefined : l10n.t("{0} % lost", lossPercent),
    bytesPerSecond === undefined ? undefined : l10n.t("{0} a second", bytesWords(bytesPerSecond)),
    partition === undefined ? undefined : l10n.t("partition {0}", plain(partition)),
  ]
    .filter((part) => part !== undefined)
    .join(", ");
}
