import * as vscode from "vscode";
import type { GuestPort, MachineDetails, PortsWatch } from "../api/index.ts";
import { type Editor, factsOf, hasProcess, isRunning, plain } from "../editor/index.ts";
import type { FactNode, PortNode, PortsNode } from "./nodes.ts";

const { l10n } = vscode;

/** An agent that ended, after an upgrade say, is asked again; one that ends at once is not asked all the time. */
const againMs = 2000;

type Forward = MachineDetails["forwards"][number];

/** The Ports row of each machine that runs: what is forwarded, and, while the row is open, what the guest listens on. */
export class PortRows implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #redraw: (node: PortsNode) => void;
  readonly #roots = new Map<string, PortsNode>();
  readonly #watches = new Map<string, PortsWatch | "opening">();
  /** As the guest says; a machine that is not in it has not told. */
  readonly #listening = new Map<string, readonly GuestPort[]>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #subscription: vscode.Disposable;

  constructor(editor: Editor, redraw: (node: PortsNode) => void) {
    this.#editor = editor;
    this.#redraw = redraw;
    this.#subscription = editor.service.onEvent((event) => {
      if (event.event !== "machine.portsChanged" || !this.#watches.has(event.id)) return;
      this.#listening.set(event.id, event.ports);
      this.#redrawOf(event.id);
    });
  }

  /** None for a machine without a process. */
  of(machine: string): readonly PortsNode[] {
    const summary = this.#editor.machines.find(machine);
    if (!summary || !hasProcess(summary)) return [];
    const node = this.#roots.get(machine) ?? { kind: "ports", machine };
    this.#roots.set(machine, node);
    return [node];
  }

  async childrenOf({ machine }: PortsNode): Promise<(PortNode | FactNode)[]> {
    const [{ forwards }, tells] = await Promise.all([this.#editor.machines.details(machine), this.#watch(machine)]);
    const rows: (PortNode | FactNode)[] = portNodes(machine, forwards, this.#listening.get(machine));
    if (tells) return rows;
    const label = l10n.t("Only forwards are shown");
    return [...rows, { kind: "fact", machine, icon: "info", label, description: l10n.t("viv-agent in the guest would tell the others") }];
  }

  /** The row is closed, or the machine is gone: nobody looks any more. */
  collapsed({ machine }: PortsNode): void {
    this.#close(machine);
  }

  drop(machine: string): void {
    this.#roots.delete(machine);
    this.#close(machine);
  }

  dispose(): void {
    this.#subscription.dispose();
    for (const timer of this.#timers) clearTimeout(timer);
    for (const machine of [...this.#watches.keys()]) this.#close(machine);
  }

  /** Whether the guest tells, or would if it ran. */
  async #watch(machine: string): Promise<boolean> {
    const summary = this.#editor.machines.find(machine);
    if (this.#watches.has(machine) || !summary || !isRunning(summary)) return true;
    this.#watches.set(machine, "opening");
    try {
      const watch = await (await this.#editor.service.client()).watchPorts({ machine });
      if (!watch) return false;
      if (!this.#watches.has(machine)) {
        watch.close();
        return true;
      }
      this.#watches.set(machine, watch);
      watch.onEnd(() => {
        if (this.#watches.get(machine) !== watch) return;
        this.#close(machine);
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          this.#redrawOf(machine);
        }, againMs);
        this.#timers.add(timer);
      });
      return true;
    } catch (error) {
      this.#editor.log.debug(`ports of ${machine} are not watched: ${factsOf(error).message}`);
      return false;
    } finally {
      if (this.#watches.get(machine) === "opening") this.#watches.delete(machine);
    }
  }

  #close(machine: string): void {
    const watch = this.#watches.get(machine);
    this.#watches.delete(machine);
    this.#listening.delete(machine);
    if (watch !== undefined && watch !== "opening") watch.close();
  }

  #redrawOf(machine: string): void {
    const node = this.#roots.get(machine);
    if (node) this.#redraw(node);
  }
}

/** One row a port and protocol: forwards, and what is listened on. `listening` undefined: the guest does not tell. */
export function portNodes(machine: string, forwards: readonly Forward[], listening: readonly GuestPort[] | undefined): PortNode[] {
  const rows = forwards.map(
    (forward): PortNode => ({
      kind: "port",
      machine,
      protocol: forward.protocol,
      port: forward.guestPort,
      forward,
      ...(listening ? { listener: listenerOf(listening, forward.protocol, forward.guestPort) } : {}),
    }),
  );
  for (const { protocol, port } of listening ?? []) {
    if (rows.some((row) => row.protocol === protocol && row.port === port)) continue;
    rows.push({ kind: "port", machine, protocol, port, listener: listenerOf(listening ?? [], protocol, port) });
  }
  return rows.sort((left, right) => left.port - right.port || left.protocol.localeCompare(right.protocol));
}

function listenerOf(listening: readonly GuestPort[], protocol: "tcp" | "udp", port: number): PortNode["listener"] {
  const own = listening.filter((one) => one.protocol === protocol && one.port === port);
  if (own.length === 0) return null;
  const process = own.find((one) => one.process !== undefined)?.process;
  return {
    insideOnly: own.every(({ address }) => /^127\.|^::1$|^::ffff:127\./.test(address)),
    ...(process === undefined ? {} : { process }),
  };
}

export function portsItem({ machine }: PortsNode): vscode.TreeItem {
  const item = new vscode.TreeItem(l10n.t("Ports"), vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `ports:${machine}`;
  item.iconPath = new vscode.ThemeIcon("radio-tower");
  item.contextValue = "ports";
  return item;
}

/** `Port 8080  127.0.0.1:40080 · node` */
export function portItem({ machine, protocol, port, forward, listener }: PortNode): vscode.TreeItem {
  const item = new vscode.TreeItem(protocol === "udp" ? l10n.t("Port {0}/udp", port) : l10n.t("Port {0}", port));
  const address = forward && `${forward.hostAddress}:${forward.hostPort}`;
  const who = listener === undefined ? undefined : listener === null ? l10n.t("nobody listens") : plain(listener.process ?? "", 40);
  const way = address ?? (listener?.insideOnly ? l10n.t("only inside the guest") : l10n.t("not forwarded"));
  const description = (forward ? [way, who] : [who, way]).filter((part) => part !== undefined && part !== "").join(" · ");
  item.id = `port:${machine}:${protocol}:${port}:${address ?? ""}`;
  item.iconPath = new vscode.ThemeIcon(forward ? "plug" : "circle-outline");
  item.description = description;
  item.accessibilityInformation = { label: `${item.label as string}, ${description}` };
  item.contextValue = ["port", protocol, forward ? "forwarded" : "inside", protocol === "tcp" && port === 22 && forward ? "ssh" : ""]
    .filter((part) => part !== "")
    .join(" ");
  item.tooltip = forward
    ? l10n.t(
        "{0} port {1} of the guest is {2} port {3} of this computer",
        protocol.toUpperCase(),
        port,
        forward.hostAddress,
        forward.hostPort,
      )
    : l10n.t("{0} port {1} of the guest is reached from the guest alone: forward it", protocol.toUpperCase(), port);
  return item;
}
