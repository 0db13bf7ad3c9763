import * as vscode from "vscode";
import type { SegmentDetails } from "../api/index.ts";
import { type Editor, factsOf } from "../editor/index.ts";
import { captureItem, captureTooltip, linkItem, linkTooltip, networkItem, networkTooltip, ruleItem } from "./networkItems.ts";
import type { LinkNode, NetworkTreeNode } from "./networkNodes.ts";

export const networksViewId = "vivarium.networks";

/** Networks of machines with who is on them. Drawn again by events; counters are asked for when a tooltip opens. */
export function createNetworksView(editor: Editor): vscode.Disposable {
  const tree = new NetworksTree(editor);
  const view = vscode.window.createTreeView<NetworkTreeNode>(networksViewId, {
    treeDataProvider: tree,
    canSelectMany: true,
    showCollapseAll: true,
  });
  return vscode.Disposable.from(view, tree);
}

export class NetworksTree implements vscode.TreeDataProvider<NetworkTreeNode>, vscode.Disposable {
  readonly #editor: Editor;
  readonly #changed = new vscode.EventEmitter<NetworkTreeNode | undefined>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#subscription = editor.networks.onDidChange(() => this.#changed.fire(undefined));
  }

  async getChildren(node?: NetworkTreeNode): Promise<NetworkTreeNode[]> {
    try {
      if (!node) return (await this.#editor.networks.list()).map((view) => ({ kind: "network", network: view.name, view }));
      if (node.kind !== "network" || node.view.problem !== undefined) return [];
      // The model brings its schemas: a window that shows no network does not pay for them.
      const { ruleText } = await import("../model/index.ts");
      return rowsOf(await this.#editor.networks.details(node.network), ruleText);
    } catch (error) {
      // The Machines view says what is wrong with the service.
      this.#editor.log.debug(`networks: ${factsOf(error).message}`);
      return [];
    }
  }

  getTreeItem(node: NetworkTreeNode): vscode.TreeItem {
    switch (node.kind) {
      case "network":
        return networkItem(node);
      case "link":
        return linkItem(node, this.#editor.machines.find(node.onNetwork));
      case "rule":
        return ruleItem(node);
      case "capture":
        return captureItem(node);
    }
  }

  async resolveTreeItem(item: vscode.TreeItem, node: NetworkTreeNode): Promise<vscode.TreeItem> {
    if (node.kind === "rule" || (node.kind === "network" && node.view.problem !== undefined)) return item;
    const now = await this.#editor.networks.now(node.network);
    if (node.kind === "network") item.tooltip = networkTooltip(now);
    else if (node.kind === "link") item.tooltip = linkTooltip(node.onNetwork, now);
    else if (now.capture) item.tooltip = captureTooltip(now.capture);
    return item;
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}

/** Machines by name, rules in the order in which they decide, the capture. */
function rowsOf(
  { name: network, machines, ports, rules, capture }: SegmentDetails,
  ruleText: (rule: SegmentDetails["rules"][number]) => string,
): NetworkTreeNode[] {
  const links = [...machines].sort().map(
    (onNetwork): LinkNode => ({
      kind: "link",
      network,
      onNetwork,
      ports: ports.filter(({ machine }) => machine === onNetwork),
    }),
  );
  return [
    ...links,
    ...rules.map((rule, index): NetworkTreeNode => ({ kind: "rule", network, rule: index, text: ruleText(rule) })),
    ...(capture === null ? [] : [{ kind: "capture" as const, network, capture }]),
  ];
}
