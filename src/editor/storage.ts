import * as vscode from "vscode";
import type { DiskDetails, MediaView, ShareView, SnapshotList, VivEvent } from "../api/index.ts";
import type { Machines } from "./machines.ts";
import type { Service } from "./service.ts";

/** What is known of one machine's disks and past. Each is asked for when somebody looks. */
interface Known {
  snapshots?: Promise<SnapshotList>;
  disks?: Promise<readonly DiskDetails[]>;
  media?: Promise<MediaView>;
  shares?: Promise<readonly ShareView[]>;
}

/** Disks, media and snapshots of machines: asked for when somebody looks, kept until an event says they changed. */
export class Storage implements vscode.Disposable {
  readonly #service: Service;
  readonly #known = new Map<string, Known>();
  readonly #changed = new vscode.EventEmitter<string | undefined>();
  readonly #subscriptions: vscode.Disposable[];

  /** The machine's id; `undefined`: of any. */
  readonly onDidChange = this.#changed.event;

  constructor(service: Service, machines: Machines) {
    this.#service = service;
    this.#subscriptions = [
      service.onEvent((event: VivEvent) => {
        if (event.event === "machine.storageChanged") this.#forget(event.id);
      }),
      machines.onDidChange(({ id, before, after }) => {
        if (id === undefined) this.#forget(undefined);
        // Whether memory can be saved, what a disk's guest sees: other answers in another state.
        else if (before?.state !== after?.state) this.#forget(id);
      }),
    ];
  }

  /** Removed ones too. */
  snapshots(machine: string): Promise<SnapshotList> {
    return this.#ask(machine, "snapshots", () => this.#service.call("snapshot.list", { machine, removed: true }));
  }

  disks(machine: string): Promise<readonly DiskDetails[]> {
    return this.#ask(machine, "disks", () => this.#service.call("disk.list", { machine }));
  }

  media(machine: string): Promise<MediaView> {
    return this.#ask(machine, "media", () => this.#service.call("media.show", { machine }));
  }

  shares(machine: string): Promise<readonly ShareView[]> {
    return this.#ask(machine, "shares", () => this.#service.call("share.list", { machine }));
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  #ask<K extends keyof Known>(machine: string, what: K, ask: () => NonNullable<Known[K]>): NonNullable<Known[K]> {
    const known: Known = this.#known.get(machine) ?? {};
    this.#known.set(machine, known);
    const kept = known[what];
    if (kept) return kept;
    const asked = ask();
    known[what] = asked;
    asked.catch(() => {
      if (known[what] === asked) delete known[what];
    });
    return asked;
  }

  #forget(machine: string | undefined): void {
    if (machine === undefined) this.#known.clear();
    else this.#known.delete(machine);
    this.#changed.fire(machine);
  }
}
