import * as vscode from "vscode";
import type { FileWatch } from "../api/index.ts";
import { type Editor, factsOf, guestUri, isRunning, plain } from "../editor/index.ts";
import type { FileNode, FilesNode, FileTreeNode } from "./fileNodes.ts";

const { l10n } = vscode;
const { None, Collapsed } = vscode.TreeItemCollapsibleState;

/** Entries that one folder shows as rows; a tree of more is of use to nobody. The Explorer has no such limit. */
const shownLimit = 2000;
/** Folders that are watched at the same time, of all machines. */
const watchLimit = 16;

/** The Files row of each running machine. What is in a folder is asked for when it is opened, and watched while it is. */
export class FileRows implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #roots = new Map<string, FilesNode>();
  /** Folders that were opened, by machine and path: they are drawn again when something in them changes. */
  readonly #opened = new Map<string, FileNode>();
  readonly #watches = new Map<string, FileWatch | "opening">();
  readonly #redraw: (node: FileTreeNode) => void;
  readonly #subscription: vscode.Disposable;

  constructor(editor: Editor, redraw: (node: FileTreeNode) => void) {
    this.#editor = editor;
    this.#redraw = redraw;
    this.#subscription = editor.guestChanges.onDidHappen((changes) => {
      for (const { machine, path } of changes) this.#changed(machine, path.slice(0, path.lastIndexOf("/")) || "/");
    });
  }

  /** None for a guest that does not run. */
  of(machine: string): readonly FileTreeNode[] {
    const summary = this.#editor.machines.find(machine);
    if (!summary || !isRunning(summary)) return [];
    const node = this.#roots.get(machine) ?? { kind: "files", machine };
    this.#roots.set(machine, node);
    return [node];
  }

  drop(machine: string): void {
    this.#roots.delete(machine);
    for (const [key, { machine: of }] of this.#opened) if (of === machine) this.#close(key);
  }

  /** The row is closed: nobody looks any more. */
  collapsed(node: FileNode): void {
    this.#close(keyOf(node));
  }

  async childrenOf(node: FileTreeNode): Promise<FileTreeNode[]> {
    const { machine } = node;
    if (node.kind === "moreFiles") return [];
    if (node.kind === "files") {
      const { path } = await this.#editor.service.call("file.home", { machine });
      const home: FileNode = { kind: "file", machine, path, isFolder: true, type: "folder", link: false, root: "home" };
      return path === "/" ? [{ ...home, root: "root" }] : [home, { ...home, path: "/", root: "root" }];
    }
    if (!node.isFolder) return [];
    this.#opened.set(keyOf(node), node);
    void this.#watch(node);
    const { entries, more } = await this.#editor.service.call("file.list", { machine, path: node.path, limit: shownLimit });
    const rows = entries.map(
      ({ name, type, link }): FileNode => ({
        kind: "file",
        machine,
        path: `${node.path === "/" ? "" : node.path}/${name}`,
        isFolder: type === "folder",
        type,
        link,
      }),
    );
    rows.sort((left, right) => Number(right.isFolder) - Number(left.isFolder) || left.path.localeCompare(right.path));
    return more ? [...rows, { kind: "moreFiles", machine, folder: node.path, shown: entries.length }] : rows;
  }

  itemOf(node: FileTreeNode): vscode.TreeItem {
    switch (node.kind) {
      case "files": {
        const item = new vscode.TreeItem(l10n.t("Files"), Collapsed);
        item.id = `files:${node.machine}`;
        item.iconPath = new vscode.ThemeIcon("files");
        item.contextValue = "files";
        return item;
      }
      case "moreFiles": {
        const item = new vscode.TreeItem(l10n.t("Only the first {0} are shown", node.shown), None);
        item.iconPath = new vscode.ThemeIcon("info");
        item.contextValue = "fact";
        return item;
      }
      case "file":
        return this.#fileItem(node);
    }
  }

  dispose(): void {
    this.#subscription.dispose();
    for (const key of [...this.#opened.keys()]) this.#close(key);
  }

  #fileItem(node: FileNode): vscode.TreeItem {
    const name = this.#editor.machines.find(node.machine)?.name ?? node.machine;
    const uri = guestUri(name, node.path);
    const label = node.root === undefined ? plain(node.path.slice(node.path.lastIndexOf("/") + 1), 300) : plain(node.path, 300);
    const item = new vscode.TreeItem(label, node.isFolder ? Collapsed : None);
    item.id = `file:${node.machine}:${node.root ?? ""}:${node.path}`;
    item.iconPath = node.root === "home" ? new vscode.ThemeIcon("home") : node.isFolder ? vscode.ThemeIcon.Folder : vscode.ThemeIcon.File;
    item.contextValue = [
      "file",
      node.isFolder ? "folder" : node.type === "file" ? "regular" : "special",
      node.root ? "start" : "entry",
    ].join(" ");
    item.tooltip = plain(`${name}:${node.path}`, 600);
    if (node.link) item.description = "↪";
    item.accessibilityInformation = {
      label: [label, node.isFolder ? l10n.t("folder") : l10n.t("file"), node.link ? l10n.t("link") : undefined]
        .filter((one) => one !== undefined)
        .join(", "),
    };
    // The theme's icon of its kind, as in the Explorer.
    if (!node.isFolder) item.resourceUri = uri;
    if (node.type === "file") item.command = { command: "vscode.open", title: l10n.t("Open"), arguments: [uri] };
    return item;
  }

  #changed(machine: string, folder: string): void {
    for (const node of this.#opened.values()) if (node.machine === machine && node.path === folder) this.#redraw(node);
  }

  async #watch(node: FileNode): Promise<void> {
    const key = keyOf(node);
    if (this.#watches.has(key) || this.#watches.size >= watchLimit) return;
    this.#watches.set(key, "opening");
    try {
      const client = await this.#editor.service.client();
      const watch = await client.openWatch({ machine: node.machine, path: node.path });
      if (!watch) return;
      if (!this.#opened.has(key)) {
        watch.close();
        return;
      }
      this.#watches.set(key, watch);
      watch.onChanges(() => this.#changed(node.machine, node.path));
      watch.onEnd(() => this.#watches.delete(key));
    } catch (error) {
      this.#editor.log.debug(`not watched: ${node.path}: ${factsOf(error).message}`);
    } finally {
      if (this.#watches.get(key) === "opening") this.#watches.delete(key);
    }
  }

  #close(key: string): void {
    this.#opened.delete(key);
    const watch = this.#watches.get(key);
    if (watch !== undefined && watch !== "opening") watch.close();
    this.#watches.delete(key);
  }
}

function keyOf({ machine, path }: FileNode): string {
  return `${machine}:${path}`;
}
