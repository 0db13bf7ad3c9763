import type { MachineSummary } from "../api/index.ts";
import { safeText } from "./safe.ts";
import type { Colour } from "./style.ts";

type Seen = Pick<MachineSummary, "state" | "status" | "operation">;

/** A state in words: `paused (disk-full)`, `running, not responding`. */
export function stateText(machine: Seen): string {
  const { status } = machine;
  switch (status.state) {
    case "paused":
      return `paused (${status.because})${status.responding ? "" : ", not responding"}`;
    case "running":
      return status.responding ? "running" : "running, not responding";
    case "failed":
      return `failed (${safeText(status.reason)})`;
    // Its reason is a sentence: viv show tells it.
    case "damaged":
    case "stopped":
    case "starting":
    case "suspended":
    case "stopping":
      return status.state;
  }
}

export function operationText(machine: Seen): string {
  const { operation } = machine;
  if (operation === undefined) return "";
  return safeText(`${operation.kind}: ${operation.step}${operation.percent === undefined ? "" : ` ${Math.floor(operation.percent)} %`}`);
}

export function stateColour(machine: Seen): Colour {
  const { status } = machine;
  switch (status.state) {
    case "running":
      return status.responding ? "green" : "red";
    case "paused":
      return status.because === "user" && status.responding ? "yellow" : "red";
    case "starting":
    case "stopping":
      return "yellow";
    case "suspended":
      return "blue";
    case "stopped":
      return "dim";
    case "failed":
    case "damaged":
      return "red";
  }
}

const glyphs: Readonly<Record<MachineSummary["state"], string>> = {
  running: "●",
  starting: "◐",
  stopping: "◑",
  paused: "‖",
  suspended: "◌",
  stopped: "○",
  failed: "✗",
  damaged: "!",
};

export function stateGlyph(machine: Seen): string {
  return glyphs[machine.state];
}
