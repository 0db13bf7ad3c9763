import * as vscode from "vscode";
import type { PruneItem } from "../../api/index.ts";
import { bytesWords, isMachineRef, plain, withCancellableProgress } from "../../editor/index.ts";
import type { Command } from "../command.ts";

const { l10n } = vscode;

type Kind = PruneItem["kind"];

/** What can go, by kind, with what each frees; gone for good, so it is asked once more. */
export const prune: Command = async ({ editor }, given) => {
  const machine = typeof given === "string" ? given : isMachineRef(given) ? given.machine : undefined;
  const scope = machine === undefined ? {} : { machine };
  const items = await editor.service.call("prune.list", scope);
  if (items.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("There is nothing that can go."));
    return undefined;
  }
  const chosen = await vscode.window.showQuickPick(rowsOf(items), {
    title: l10n.t("What Can Go"),
    placeHolder: l10n.t("{0} can be freed. Choose what to delete for good.", bytesWords(sum(items))),
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (!chosen || chosen.length === 0) return undefined;
  const action = l10n.t("Delete for Good");
  const question = l10n.t("Delete {0}?", bytesWords(chosen.reduce((bytes, row) => bytes + row.bytes, 0)));
  const detail = chosen.map(({ label, detail: names }) => `${label}: ${names}`).join("\n");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) !== action) return undefined;
  const { freedBytes } = await withCancellableProgress(l10n.t("Deleting what can go"), (options) =>
    editor.service.call("prune.run", { ...scope, kinds: chosen.map(({ what }) => what) }, options),
  );
  void vscode.window.showInformationMessage(l10n.t("{0} freed.", bytesWords(freedBytes)));
  return freedBytes;
};

interface Row extends vscode.QuickPickItem {
  readonly what: Kind;
  readonly bytes: number;
  readonly detail: string;
}

function rowsOf(items: readonly PruneItem[]): Row[] {
  const kinds = [...new Set(items.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const own = items.filter((item) => item.kind === kind);
    return {
      what: kind,
      bytes: sum(own),
      label: kindWord(kind),
      description: `${own.length} · ${bytesWords(sum(own))}`,
      detail: own.map(({ name, detail }) => plain(detail === "" ? name : `${name} (${localTimes(detail)})`, 80)).join(", "),
      picked: kind !== "machine" && kind !== "snapshot" && kind !== "disk",
    };
  });
}

/** Times as they are read here: the service writes them for machines. */
function localTimes(text: string): string {
  return text.replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, (time) =>
    new Date(time).toLocaleString(vscode.env.language, { dateStyle: "medium", timeStyle: "short" }),
  );
}

function kindWord(kind: Kind): string {
  switch (kind) {
    case "machine":
      return l10n.t("Removed machines");
    case "snapshot":
      return l10n.t("Removed snapshots");
    case "disk":
      return l10n.t("Removed disks");
    case "template":
      return l10n.t("Templates that forks made and nothing runs on");
    case "image":
      return l10n.t("Images that no machine uses");
    case "bundle":
      return l10n.t("QEMU builds that nothing needs");
    case "leftover":
      return l10n.t("Leftovers");
  }
}

function sum(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((bytes, item) => bytes + item.bytes, 0);
}
