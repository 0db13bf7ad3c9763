import * as vscode from "vscode";
import type { SegmentDetails, SegmentView } from "../api/index.ts";
import type { Machines } from "./machines.ts";
import type { Service } from "./service.ts";

/** Which network is meant, by name; what a row of the tree is. */
export interface NetworkRef {
  readonly network: string;
}
/** A machine's link to a network; the machine by name, as the network knows it. */
export interface NetworkLinkRef extends NetworkRef {
  readonly onNetwork: string;
}

export function isNetworkRef(value: unknown): value is NetworkRef {
  return typeof (value as Partial<NetworkRef> | undefined)?.network === "string";
}

export function isNetworkLinkRef(value: unknown): value is NetworkLinkRef {
  return isNetworkRef(value) && typeof (value as Partial<NetworkLinkRef>).onNetwork === "string";
}

/** Networks of machines: asked for when somebody looks, kept until an event says they changed. Counters are never kept. */
export class Networks implements vscode.Disposable {
  readonly #service: Service;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[];
  readonly #details = new Map<string, Promise<SegmentDetails>>();
  #listed: Promise<readonly SegmentView[]> | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(service: Service, machines: Machines) {
    this.#service = service;
    this.#subscriptions = [
      service.onEvent(({ event }) => {
        if (event === "network.changed") this.#forget();
      }),
      service.onDidConnect(() => this.#forget()),
      machines.onDidChange(({ id, before, after }) => {
        // Who has an adapter on a network, and whether it is plugged in.
        if (id === undefined || before?.state !== after?.state || before?.name !== after?.name) this.#forget();
      }),
    ];
  }

  list(): Promise<readonly SegmentView[]> {
    if (this.#listed) return this.#listed;
    const asked = this.#service.call("network.list", {});
    this.#listed = asked;
    asked.catch(() => {
      if (this.#listed === asked) this.#listed = undefined;
    });
    return asked;
  }

  /** As it was at the last change. */
  details(network: string): Promise<SegmentDetails> {
    const kept = this.#details.get(network);
    if (kept) return kept;
    const asked = this.now(network);
    this.#details.set(network, asked);
    asked.catch(() => {
      if (this.#details.get(network) === asked) this.#details.delete(network);
    });
    return asked;
  }

  /** Asked anew: its counters are of this moment. */
  now(network: string): Promise<SegmentDetails> {
    return this.#service.call("network.show", { network });
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  /** Who never looked is told nothing. */
  #forget(): void {
    if (!this.#listed) return;
    this.#listed = undefined;
    this.#details.clear();
    this.#changed.fire();
  }
}
