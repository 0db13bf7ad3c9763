import * as vscode from "vscode";
import type { VivEvent } from "../api/index.ts";
import { plain, stateWord } from "../editor/index.ts";
import type { Command } from "./command.ts";

const { l10n } = vscode;

let channel: vscode.LogOutputChannel | undefined;

/** What happens to machines from now on, a line each, in an output channel: `viv events`. The first call begins it. */
export const showEvents: Command = async ({ editor }) => {
  await editor.machines.load();
  if (!channel) {
    const opened = vscode.window.createOutputChannel(l10n.t("Vivarium Events"), { log: true });
    channel = opened;
    const following = editor.service.onEvent((event) => {
      const line = eventLine(event);
      if (line === undefined) return;
      if (line.warns) opened.warn(line.text);
      else opened.info(line.text);
    });
    editor.context.subscriptions.push(following, opened, { dispose: () => (channel = undefined) });
  }
  channel.show(true);
  return editor.machines.all.length;
};

/** @returns undefined for what has no news for a person. */
export function eventLine(event: VivEvent): { text: string; warns: boolean } | undefined {
  switch (event.event) {
    case "machine.changed": {
      const { machine } = event;
      const step = machine.operation === undefined ? "" : ` (${plain(machine.operation.step)})`;
      const warns = machine.state === "failed" || machine.state === "damaged";
      return { text: `${plain(machine.name)}: ${stateWord(machine)}${step}`, warns };
    }
    case "machine.removed":
      return { text: `${plain(event.name)}: ${l10n.t("removed")}`, warns: false };
    case "machine.readiness":
      return { text: `${plain(event.name)}: ${l10n.t("{0} after {1} ms", event.step, Math.round(event.ms))}`, warns: false };
    case "machine.notice":
      return { text: `${plain(event.name)}: ${plain(event.message, 600)}`, warns: event.level !== "info" };
    case "daemon.stopping":
      return { text: l10n.t("The background service ends: {0}", plain(event.reason)), warns: true };
    default:
      return undefined;
  }
}
