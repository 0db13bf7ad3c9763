import * as vscode from "vscode";
import { type Editor, factsOf, otherSide, plain, saySide } from "../editor/index.ts";
import { MachineDecorations } from "./decorations.ts";
import { MachineDragAndDrop } from "./dragAndDrop.ts";
import type { Node } from "./nodes.ts";
import { MachineTree } from "./provider.ts";
import { StatusBar } from "./statusBar.ts";

const { l10n } = vscode;

export const machinesViewId = "vivarium.machines";

/** What other rooms do with the tree. */
export interface MachinesView extends vscode.Disposable {
  filter: string;
  reveal(machine: string): Promise<void>;
  /** Asks again for what is in a row; `undefined`: every row. */
  refresh(node: unknown): void;
}

/** The sidebar's view with its badge, messages and drag and drop, and the status bar item. */
export function createMachinesView(
  editor: Editor,
  fromFile: (file: vscode.Uri, group: string | undefined) => Promise<unknown>,
): MachinesView {
  const tree = new MachineTree(editor);
  const view = vscode.window.createTreeView<Node>(machinesViewId, {
    treeDataProvider: tree,
    canSelectMany: true,
    showCollapseAll: true,
    dragAndDropController: new MachineDragAndDrop(editor, fromFile),
  });
  editor.selection = () => view.selection.filter((node) => "machine" in node || "template" in node);
  const decorations = new MachineDecorations(editor);
  const paint = (): void => paintView(editor, view, tree);
  const subscriptions: vscode.Disposable[] = [
    tree,
    view,
    decorations,
    vscode.window.registerFileDecorationProvider(decorations),
    new StatusBar(editor),
    view.onDidCollapseElement(({ element }) => tree.collapsed(element)),
    view.onDidChangeSelection(({ selection }) => {
      const kinds = new Set(selection.map((node) => selectedKind(node, editor)));
      editor.contextKeys.set("vivarium.selected", kinds.size === 1 ? ([...kinds][0] ?? "") : "");
    }),
    editor.machines.onDidChange(paint),
    editor.service.onDidChangeStatus(paint),
  ];
  paint();
  saySide(editor);
  return {
    get filter() {
      return tree.filter;
    },
    set filter(text: string) {
      tree.filter = text;
      editor.contextKeys.set("vivarium.filtered", text !== "");
      paint();
    },
    refresh(node) {
      const known = node as Partial<Node> | undefined;
      if (known?.kind === "file" || known?.kind === "files") tree.refresh(known as Node);
      else tree.repaint();
    },
    async reveal(machine) {
      await view.reveal(tree.nodeOf(machine), { select: true, focus: false });
    },
    dispose() {
      for (const subscription of subscriptions.reverse()) subscription.dispose();
    },
  };
}

/** For `when` clauses of keys: what is removed already is not removed again, and a fork has no trash. */
function selectedKind(node: Node, { machines }: Editor): string {
  if (node.kind === "machine") return machines.find(node.machine)?.fork ? "fork" : "machine";
  return node.kind === "snapshot" && node.snapshot.removedAt !== null ? "removedSnapshot" : node.kind;
}

function paintView(editor: Editor, view: vscode.TreeView<Node>, tree: MachineTree): void {
  const { machines, service, contextKeys } = editor;
  const running = machines.runningCount;
  view.badge =
    running === 0 ? undefined : { value: running, tooltip: running === 1 ? l10n.t("1 machine runs") : l10n.t("{0} machines run", running) };
  const message = viewMessage(editor, tree);
  if (view.message !== message) view.message = message;
  view.description = tree.filter === "" ? (side() ?? "") : `“${plain(tree.filter, 40)}”`;
  contextKeys.set("vivarium.connection", service.status);
  contextKeys.set("vivarium.machineCount", machines.all.length);
  contextKeys.set("vivarium.runningCount", running);
}

/** What the rows do not say: no connection, or rows that are hidden. Empty: the welcome text has the word. */
function viewMessage({ machines, service }: Editor, tree: MachineTree): string | undefined {
  if (service.status === "failed" && machines.isListed) return plain(factsOf(service.problem).message, 300);
  if (service.status === "lost") return l10n.t("The background service went away; machines keep running. Reconnecting…");
  if (service.status === "idle" && machines.isListed)
    return l10n.t("The background service is stopped; machines keep running. Any action starts it.");
  if (tree.filter === "") return undefined;
  return l10n.t("{0} of {1} machines match.", tree.arrangement.shown, machines.all.length);
}

/** Whose machines these are, where that is not plain. */
function side(): string | undefined {
  const remote = otherSide();
  return remote === undefined ? undefined : l10n.t("on this computer, not on {0}", remote);
}
