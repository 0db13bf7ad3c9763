import * as vscode from "vscode";
import { type Editor, groupAssignment, plain } from "../editor/index.ts";
import type { Node } from "./nodes.ts";

const { l10n } = vscode;

/** The tree's own type must be named after the view, in lower case (vscode.d.ts, TreeDragAndDropController). */
const ownType = "application/vnd.code.tree.vivarium.machines";

const becomesMachine = /\.(iso|qcow2|img|raw|vmdk|vdi|vhdx?|ova)$/i;

/** Machines are dragged between groups; an ISO or image file that is dropped becomes a machine. */
export class MachineDragAndDrop implements vscode.TreeDragAndDropController<Node> {
  readonly dragMimeTypes = [ownType];
  readonly dropMimeTypes = [ownType, "text/uri-list"];
  readonly #editor: Editor;
  readonly #fromFile: (file: vscode.Uri, group: string | undefined) => Promise<unknown>;

  constructor(editor: Editor, fromFile: (file: vscode.Uri, group: string | undefined) => Promise<unknown>) {
    this.#editor = editor;
    this.#fromFile = fromFile;
  }

  handleDrag(nodes: readonly Node[], data: vscode.DataTransfer): void {
    const ids = nodes.flatMap((node) => (node.kind === "machine" ? [node.machine] : []));
    if (ids.length > 0) data.set(ownType, new vscode.DataTransferItem(ids));
  }

  async handleDrop(target: Node | undefined, data: vscode.DataTransfer): Promise<void> {
    try {
      const ids: unknown = data.get(ownType)?.value;
      if (Array.isArray(ids)) await this.#regroup(ids.map(String), this.#groupAt(target));
      else await this.#createFrom(await droppedFiles(data), this.#groupAt(target));
    } catch (error) {
      await this.#editor.presentError(error);
    }
  }

  /** Dropped on a group or on one of its machines: that group; anywhere else: none. */
  #groupAt(target: Node | undefined): string | undefined {
    if (target === undefined) return undefined;
    if (target.kind === "group") return target.name;
    return "machine" in target ? this.#editor.machines.find(target.machine)?.group : undefined;
  }

  async #regroup(ids: readonly string[], group: string | undefined): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        if (this.#editor.machines.find(id)?.group === group) return;
        await this.#editor.service.call("machine.set", { machine: id, set: [groupAssignment(group)] });
      }),
    );
  }

  async #createFrom(files: readonly vscode.Uri[], group: string | undefined): Promise<void> {
    const images = files.filter(({ path }) => becomesMachine.test(path));
    if (images.length === 0) {
      const name = files[0] === undefined ? l10n.t("This") : `“${plain(files[0].path.split("/").at(-1) ?? "", 80)}”`;
      void vscode.window.showWarningMessage(
        l10n.t(
          "{0} is no ISO and no disk image. Drop an .iso file, or a .qcow2, .vmdk, .vdi, .vhdx, .img or .ova, to make a machine of it.",
          name,
        ),
      );
      return;
    }
    for (const file of images) {
      // What is in a virtual workspace has no path that QEMU could open.
      if (file.scheme === "file") await this.#fromFile(file, group);
      else
        void vscode.window.showWarningMessage(
          l10n.t(
            "“{0}” is not a file of the computer that runs the machines. Save it there, then drop it again.",
            plain(file.path.split("/").at(-1) ?? "", 80),
          ),
        );
    }
  }
}

async function droppedFiles(data: vscode.DataTransfer): Promise<vscode.Uri[]> {
  const list = (await data.get("text/uri-list")?.asString()) ?? "";
  // RFC 2483: one URI a line, lines that begin with # are comments.
  return list
    .split(/\r?\n/)
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => vscode.Uri.parse(line, true));
}
