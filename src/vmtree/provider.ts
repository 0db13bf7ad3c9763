import * as vscode from "vscode";
import type { MachineDetails, MachineSummary, MachineUsage } from "../api/index.ts";
import { type Editor, factsOf, hasProcess, type MachinesChange, plain } from "../editor/index.ts";
import { childrenOf, factItem, groupItem } from "./childItems.ts";
import { FileRows } from "./fileRows.ts";
import { machineItem } from "./machineItem.ts";
import type { GroupNode, MachineNode, Node } from "./nodes.ts";
import { type Arrangement, arrange } from "./order.ts";
import { PortRows, portItem, portsItem } from "./portRows.ts";
import { storageItem } from "./storageItems.ts";
import { StorageRows } from "./storageRows.ts";
import { TemplateRows } from "./templateRows.ts";
import { machineTooltip } from "./tooltip.ts";

const { l10n } = vscode;

/** How long a machine's load is measured when the mouse rests on its row, and how long the figures stay, ms. */
const measureMs = 300;
const figuresKeptMs = 10_000;

/** The tree's data: drawn from what `Machines` knows, one row repainted for one machine's event, nothing polled. */
export class MachineTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #editor: Editor;
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly #subscriptions: vscode.Disposable[];
  readonly #nodes = new Map<string, MachineNode>();
  readonly #storage: StorageRows;
  readonly #files: FileRows;
  readonly #ports: PortRows;
  readonly #templates: TemplateRows;
  readonly #groups = new Map<string, GroupNode>();
  /** Details that have come, for rows to be drawn without waiting. */
  readonly #details = new Map<string, MachineDetails>();
  readonly #asked = new Map<string, Promise<MachineDetails>>();
  /** Tooltips with figures in them, until they are too old to be shown again. */
  readonly #figures = new Map<string, NodeJS.Timeout>();
  #arranged: Arrangement | undefined;
  #filter = "";
  /** The first list is on its way, asked for by `getChildren`. */
  #listing = false;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#storage = new StorageRows(editor);
    this.#files = new FileRows(editor, (node) => this.#changed.fire(node));
    this.#ports = new PortRows(editor, (node) => this.#changed.fire(node));
    this.#templates = new TemplateRows(editor);
    this.#subscriptions = [
      editor.templates.onDidChange(() => this.repaint()),
      editor.machines.onDidChange((change) => this.#take(change)),
      editor.storage.onDidChange((machine) => {
        for (const node of this.#storage.openOf(machine)) this.#changed.fire(node);
      }),
    ];
  }

  get filter(): string {
    return this.#filter;
  }

  set filter(text: string) {
    this.#filter = text;
    this.repaint();
  }

  get arrangement(): Arrangement {
    this.#arranged ??= arrange(this.#editor.machines.all, this.#filter, this.#editor.templates.all);
    return this.#arranged;
  }

  repaint(): void {
    this.#arranged = undefined;
    this.#changed.fire(undefined);
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "group":
        return groupItem(node, this.arrangement.membersOf(node.name).length);
      case "ports":
        return portsItem(node);
      case "port":
        return portItem(node);
      case "fact":
        return factItem(node);
      case "machine": {
        const machine = this.#editor.machines.find(node.machine);
        if (!machine) return new vscode.TreeItem(l10n.t("removed"));
        const live = hasProcess(machine);
        if (live) this.#watchDetails(node);
        return machineItem(machine, live ? this.#details.get(machine.id) : undefined);
      }
      case "files":
      case "file":
      case "moreFiles":
        return this.#files.itemOf(node);
      case "templates":
      case "template":
        return this.#templates.itemOf(node) ?? new vscode.TreeItem(l10n.t("removed"));
      default:
        return storageItem(node);
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) return this.#roots();
    if (node.kind === "group") return this.arrangement.membersOf(node.name).map(({ id }) => this.nodeOf(id));
    if (node.kind === "templates") return this.arrangement.templates.map((id) => this.#templates.nodeOf(id));
    if (node.kind === "template") return this.arrangement.forksOf(node.template).map(({ id }) => this.nodeOf(id));
    if (node.kind === "port" || node.kind === "fact") return [];
    try {
      if (node.kind === "files" || node.kind === "file" || node.kind === "moreFiles") return await this.#files.childrenOf(node);
      if (node.kind === "ports") return await this.#ports.childrenOf(node);
      if (node.kind !== "machine") return await this.#storage.childrenOf(node);
      const rows = [...this.#ports.of(node.machine), ...this.#files.of(node.machine), ...this.#storage.of(node.machine)];
      return childrenOf(await this.#editor.machines.details(node.machine), rows);
    } catch (error) {
      return [
        {
          kind: "fact",
          machine: node.machine,
          icon: "warning",
          label: l10n.t("Not available"),
          description: plain(factsOf(error).message),
        },
      ];
    }
  }

  getParent(node: Node): Node | undefined {
    if (node.kind === "group") return undefined;
    if (node.kind === "templates" || node.kind === "template") return this.#templates.parentOf(node);
    if (node.kind !== "machine") return this.nodeOf(node.machine);
    const machine = this.#editor.machines.find(node.machine);
    const group = machine?.group?.trim();
    if (group !== undefined && group !== "") return this.#groupNode(group);
    const template = machine?.fork?.template;
    return template !== undefined && this.#editor.templates.find(template) ? this.#templates.nodeOf(template) : undefined;
  }

  async resolveTreeItem(item: vscode.TreeItem, node: Node, token: vscode.CancellationToken): Promise<vscode.TreeItem> {
    if (node.kind === "template") {
      const tooltip = await this.#templates.tooltipOf(node, token);
      if (tooltip) item.tooltip = tooltip;
      return item;
    }
    if (node.kind !== "machine") return item;
    const machine = this.#editor.machines.find(node.machine);
    if (!machine) return item;
    const [details, usage] = await Promise.all([
      this.#editor.machines.details(node.machine).catch(() => undefined),
      this.#measure(machine, token),
    ]);
    if (token.isCancellationRequested) return item;
    item.tooltip = machineTooltip(machine, details, usage);
    if (usage) this.#forgetFigures(node);
    return item;
  }

  /** Only now, while somebody looks. */
  async #measure(machine: MachineSummary, token: vscode.CancellationToken): Promise<MachineUsage | undefined> {
    if (!hasProcess(machine) || !("responding" in machine.status && machine.status.responding)) return undefined;
    const abort = new AbortController();
    const cancelled = token.onCancellationRequested(() => abort.abort());
    try {
      return await this.#editor.service.call("machine.usage", { machine: machine.id, intervalMs: measureMs }, { signal: abort.signal });
    } catch (error) {
      this.#editor.log.debug(`no figures of ${machine.name}: ${factsOf(error).message}`);
      return undefined;
    } finally {
      cancelled.dispose();
    }
  }

  /** VS Code keeps a tooltip for as long as its row is not repainted: figures would be shown that were true once. */
  #forgetFigures(node: MachineNode): void {
    clearTimeout(this.#figures.get(node.machine));
    const timer = setTimeout(() => {
      this.#figures.delete(node.machine);
      if (this.#nodes.get(node.machine) === node) this.#changed.fire(node);
    }, figuresKeptMs);
    this.#figures.set(node.machine, timer);
  }

  /** What nobody sees any more is not watched. */
  collapsed(node: Node): void {
    if (node.kind === "file") this.#files.collapsed(node);
    if (node.kind === "ports") this.#ports.collapsed(node);
  }

  /** Draws a folder of a guest again. */
  refresh(node: Node): void {
    this.#changed.fire(node);
  }

  nodeOf(id: string): MachineNode {
    const known = this.#nodes.get(id);
    if (known) return known;
    const node: MachineNode = { kind: "machine", machine: id };
    this.#nodes.set(id, node);
    return node;
  }

  dispose(): void {
    for (const timer of this.#figures.values()) clearTimeout(timer);
    this.#files.dispose();
    this.#ports.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  /** The first look connects. What goes wrong is the view's to say (connection.ts), never an empty tree's. */
  async #roots(): Promise<Node[]> {
    if (!this.#editor.machines.isListed) {
      this.#listing = true;
      try {
        await Promise.all([this.#editor.machines.load(), this.#templates.load()]);
        this.#arranged = undefined;
      } catch (error) {
        this.#editor.log.warn(`no machines: ${factsOf(error).message}`);
        return [];
      } finally {
        this.#listing = false;
      }
    }
    const { groups, ungrouped, templates } = this.arrangement;
    return [
      ...groups.map((name) => this.#groupNode(name)),
      ...ungrouped.map(({ id }) => this.nodeOf(id)),
      ...this.#templates.section(templates),
    ];
  }

  #groupNode(name: string): GroupNode {
    const known = this.#groups.get(name);
    if (known) return known;
    const node: GroupNode = { kind: "group", name };
    this.#groups.set(name, node);
    return node;
  }

  /** A change that moves no row repaints one. */
  #take({ id, before, after }: MachinesChange): void {
    if (id !== undefined && (!after || !hasProcess(after))) this.#details.delete(id);
    const moves =
      !before ||
      !after ||
      before.name !== after.name ||
      before.group !== after.group ||
      before.fork?.template !== after.fork?.template ||
      this.#filter !== "";
    if (id === undefined && this.#listing) {
      // VS Code waits for these very rows: told to ask again, it would take and draw every row twice.
      this.#arranged = undefined;
      return;
    }
    if (id === undefined || moves) {
      if (id !== undefined && !after) {
        this.#nodes.delete(id);
        this.#storage.drop(id);
        this.#files.drop(id);
        this.#ports.drop(id);
      }
      this.repaint();
      return;
    }
    this.#arranged = undefined;
    this.#changed.fire(this.nodeOf(id));
    // How many run is said on the template's row.
    const template = after.fork?.template;
    if (template !== undefined && hasProcess(before) !== hasProcess(after)) this.#changed.fire(this.#templates.nodeOf(template));
  }

  /**
   * Ports and addresses come a moment after the row, which is then drawn once more. Until newer ones come the old ones
   * stay: a row that loses its ports for a moment at each event would flicker.
   */
  #watchDetails(node: MachineNode): void {
    const asked = this.#editor.machines.details(node.machine);
    if (this.#asked.get(node.machine) === asked) return;
    this.#asked.set(node.machine, asked);
    asked.then(
      (details) => {
        const shown = this.#details.get(node.machine);
        this.#details.set(node.machine, details);
        const drawn = (one: MachineDetails | undefined) => JSON.stringify([one?.forwards ?? [], one?.fork && one.readiness.agent]);
        if (drawn(shown) !== drawn(details)) this.#changed.fire(node);
      },
      (error: unknown) => this.#editor.log.debug(`no details of ${node.machine}: ${factsOf(error).message}`),
    );
  }
}
