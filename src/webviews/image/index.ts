import * as vscode from "vscode";
import type { Editor } from "../../editor/index.ts";
import { l10n } from "../ui/l10n.ts";

/** Disk images and CDs as documents: what is in them, and what can be made of them. Nothing is ever written to them. */

const viewType = "vivarium.image";

export function registerImages(editor: Editor): vscode.Disposable {
  l10n.use(vscode.l10n.bundle);
  return vscode.Disposable.from(
    vscode.window.registerCustomEditorProvider(
      viewType,
      {
        openCustomDocument: (uri): vscode.CustomDocument => ({ uri, dispose: () => undefined }),
        async resolveCustomEditor({ uri }, panel) {
          // Loaded by the first image, not by activation.
          const { ImageEditor } = await import("./imageEditor.ts");
          const opened = new ImageEditor(editor, uri, panel);
          panel.onDidDispose(() => opened.dispose());
        },
      },
      { supportsMultipleEditorsPerDocument: true },
    ),
    editor.register("vivarium.openImage", async (given) => {
      const file = given instanceof vscode.Uri ? given : await askFile();
      if (file) await vscode.commands.executeCommand("vscode.openWith", file, viewType);
    }),
  );
}

async function askFile(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: l10n.t("Image to Look Into"),
    filters: {
      [l10n.t("Images and appliances")]: ["qcow2", "raw", "img", "vmdk", "vdi", "vhdx", "vhd", "ova", "iso"],
      [l10n.t("All files")]: ["*"],
    },
  });
  return chosen?.[0];
}
