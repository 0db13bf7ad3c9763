import type { ForkView, TemplateView } from "../api/index.ts";
import { humanBytes } from "../model/index.ts";
import { safeText } from "./safe.ts";
import type { Style } from "./style.ts";
import { fields, table } from "./table.ts";
import { timeText } from "./times.ts";

/** How the verbs of templates and forks say what they know. */

export const templateArgument = { label: "TEMPLATE", summary: "The template's name (or id)" } as const;

export function templateTable(list: readonly TemplateView[], style: Style): string {
  if (list.length === 0) return "There are no templates. Make one of a running machine: viv template create NAME\n";
  const rows = list.map((each) => [
    each.name,
    each.source.name,
    humanBytes(each.memoryBytes),
    humanBytes(each.ownBytes),
    forksText(each),
    remarks(each),
  ]);
  return table(
    [
      { title: "NAME" },
      { title: "OF" },
      { title: "MEMORY", align: "right" },
      { title: "SIZE", align: "right" },
      { title: "FORKS" },
      { title: "" },
    ],
    rows,
    style,
  );
}

function forksText({ forks }: TemplateView): string {
  const running = forks.filter((fork) => fork.running).length;
  return forks.length === 0 ? "–" : `${forks.length} (${running} running)`;
}

function remarks(each: TemplateView): string {
  const parts = [each.problem ?? "", each.implicit ? "made by a fork" : "", each.note?.split("\n")[0] ?? ""];
  return parts.filter((part) => part !== "").join("; ");
}

export function templateCard(view: TemplateView, style: Style): string {
  const paused = view.pausedMs === undefined ? undefined : `${Math.round(view.pausedMs)} ms`;
  return `${safeText(view.name)}\n${fields(
    [
      ["of", `${safeText(view.source.name)}${view.source.snapshot === undefined ? "" : `, snapshot ${safeText(view.source.snapshot)}`}`],
      ["taken", timeText(view.createdAt)],
      ["used", timeText(view.lastUsedAt)],
      ["guest", `${view.architecture}, ${view.cpus} processors, ${humanBytes(view.memoryBytes)}`],
      ["made for", `QEMU ${safeText(view.qemuVersion)}, ${view.accelerator}`],
      ["takes", humanBytes(view.ownBytes)],
      ["machine stood still", paused],
      ["forks", view.forks.map((fork) => `${safeText(fork.name)}${fork.running ? "" : " (stopped)"}`).join("\n")],
      ["note", view.note === undefined ? undefined : safeText(view.note)],
      ["problem", view.problem === undefined ? undefined : safeText(view.problem)],
    ],
    style,
  )}`;
}

/** `web-1: ready after 208 ms` */
export function forkLine(fork: ForkView): string {
  const how =
    fork.readyMs === null
      ? `${fork.state}, not ready: ${fork.reason ?? "its agent has not answered"}`
      : `ready after ${Math.round(fork.readyMs)} ms`;
  return `${safeText(fork.name)}: ${safeText(how)}\n`;
}
