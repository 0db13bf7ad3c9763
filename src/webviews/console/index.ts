import * as vscode from "vscode";
import { type Editor, hasProcess, pickMachine, plain } from "../../editor/index.ts";
import { type Fit, fits, type PageState } from "./messages.ts";
import type { ConsolePanel } from "./panel.ts";

/** The graphical console: `vivarium.openConsole`, restored after a window reload. */

const viewType = "vivarium.console";

export function registerConsole(editor: Editor): vscode.Disposable {
  const consoles = new Set<ConsolePanel>();
  const adopt = async (panel: vscode.WebviewPanel, state: PageState): Promise<void> => {
    // Loaded by the first console, not by activation.
    const { ConsolePanel } = await import("./panel.ts");
    const opened = new ConsolePanel(editor, panel, state);
    consoles.add(opened);
    panel.onDidDispose(() => consoles.delete(opened));
  };
  return vscode.Disposable.from(
    editor.register("vivarium.openConsole", async (...args) => {
      const machine = await pickMachine(editor, args, {
        title: vscode.l10n.t("Open Console"),
        fits: hasProcess,
        none: vscode.l10n.t("No machine is running."),
      });
      if (!machine) return;
      const open = [...consoles].find(({ machineId }) => machineId === machine.id);
      if (open) {
        open.reveal();
        return;
      }
      const title = vscode.l10n.t("{0} – Console", plain(machine.name));
      const panel = vscode.window.createWebviewPanel(viewType, title, vscode.ViewColumn.Active, { enableScripts: true });
      await adopt(panel, { machine: machine.id, name: machine.name, fit: "scale" });
    }),
    vscode.window.registerWebviewPanelSerializer(viewType, {
      async deserializeWebviewPanel(panel, state: unknown) {
        const known = pageState(state);
        if (known) await adopt(panel, known);
        else panel.dispose();
      },
    }),
    {
      dispose() {
        for (const open of consoles) open.dispose();
      },
    },
  );
}

/** What VS Code kept for the page, if it is whole. */
function pageState(state: unknown): PageState | undefined {
  const { machine, name, fit } = (state ?? {}) as Partial<Record<keyof PageState, unknown>>;
  if (typeof machine !== "string" || typeof name !== "string") return undefined;
  return { machine, name, fit: fits.find((one) => one === fit) ?? ("scale" satisfies Fit) };
}
