import * as vscode from "vscode";
import { type Editor, isMachineRef, isWhole, pickMachine } from "../../editor/index.ts";
import { l10n } from "../ui/l10n.ts";
import type { PageState } from "./messages.ts";
import type { SnapshotsPanel } from "./panel.ts";

/** The Snapshots panel: `vivarium.openSnapshots`, one a machine, restored after a window reload. */

const viewType = "vivarium.snapshots";

export function registerSnapshots(editor: Editor): vscode.Disposable {
  l10n.use(vscode.l10n.bundle);
  const panels = new Set<SnapshotsPanel>();
  const adopt = async (panel: vscode.WebviewPanel, state: PageState): Promise<SnapshotsPanel> => {
    // Loaded by the first panel, not by activation.
    const { SnapshotsPanel } = await import("./panel.ts");
    const opened = new SnapshotsPanel(editor, panel, state);
    panels.add(opened);
    panel.onDidDispose(() => panels.delete(opened));
    return opened;
  };
  return vscode.Disposable.from(
    editor.register("vivarium.openSnapshots", async (...args) => {
      const machine = await pickMachine(editor, args, {
        title: l10n.t("Machine whose snapshots to show"),
        fits: isWhole,
        none: l10n.t("There is no machine whose vm.json can be read."),
      });
      if (!machine) return;
      let shown = [...panels].find(({ machineId }) => machineId === machine.id);
      if (shown) shown.reveal();
      else {
        const panel = vscode.window.createWebviewPanel(viewType, "", vscode.ViewColumn.Active, { enableScripts: true });
        shown = await adopt(panel, { machine: machine.id, name: machine.name });
      }
      const { selected, compareWith } = pointedAt(args);
      if (selected !== undefined) shown.select(selected, compareWith);
    }),
    vscode.window.registerWebviewPanelSerializer(viewType, {
      async deserializeWebviewPanel(panel, state: unknown) {
        const known = pageState(state);
        if (known) await adopt(panel, known);
        else panel.dispose();
      },
    }),
    new vscode.Disposable(() => {
      for (const panel of panels) panel.dispose();
    }),
  );
}

/** A row of the tree with its snapshot, or `machine, snapshot, other snapshot` of other code. */
function pointedAt([first, second, third]: readonly unknown[]): { selected?: string; compareWith?: string | undefined } {
  const row = isMachineRef(first) ? (first as { snapshot?: { id?: unknown } }).snapshot?.id : undefined;
  if (typeof row === "string") return { selected: row };
  return typeof second === "string" ? { selected: second, compareWith: typeof third === "string" ? third : undefined } : {};
}

/** What VS Code kept for the page, if it is whole. */
function pageState(state: unknown): PageState | undefined {
  const { machine, name } = (state ?? {}) as Partial<Record<keyof PageState, unknown>>;
  return typeof machine === "string" && typeof name === "string" ? { machine, name } : undefined;
}
