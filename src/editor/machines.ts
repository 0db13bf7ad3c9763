import * as vscode from "vscode";
import type { MachineDetails, MachineSummary, VivEvent } from "../api/index.ts";
import type { Service } from "./service.ts";

/** `undefined` for `id`: the list as a whole is new. */
export interface MachinesChange {
  readonly id?: string;
  readonly before?: MachineSummary;
  readonly after?: MachineSummary;
}

/** Steps after which a machine can be reached in a new way: what is shown of it is asked for again. */
const reachSteps = new Set(["network", "agent", "ssh"]);

/** What this window knows of the machines: the list, kept true by vivd's events, and details of those looked at. */
export class Machines implements vscode.Disposable {
  readonly #service: Service;
  readonly #changed = new vscode.EventEmitter<MachinesChange>();
  readonly #subscriptions: vscode.Disposable[];
  #byId = new Map<string, MachineSummary>();
  #details = new Map<string, Promise<MachineDetails>>();
  #listed: Promise<void> | undefined;
  #isListed = false;

  readonly onDidChange = this.#changed.event;

  constructor(service: Service) {
    this.#service = service;
    this.#subscriptions = [
      service.onEvent((event) => this.#take(event)),
      // A reconnected window may have missed anything.
      service.onDidConnect(() => void this.#list().catch(() => undefined)),
    ];
  }

  /** Has the list ever come? What was known before a lost connection stays on screen. */
  get isListed(): boolean {
    return this.#isListed;
  }

  get all(): MachineSummary[] {
    return [...this.#byId.values()];
  }

  get runningCount(): number {
    let count = 0;
    for (const machine of this.#byId.values()) if (machine.state === "running" || machine.state === "paused") count += 1;
    return count;
  }

  /** By id, else by name. */
  find(nameOrId: string): MachineSummary | undefined {
    return this.#byId.get(nameOrId) ?? this.all.find((machine) => machine.name === nameOrId);
  }

  /** Connects when needed; resolves when the list is here. */
  async load(): Promise<void> {
    await this.#service.client();
    await (this.#listed ?? this.#list());
  }

  /** Asks for the list anew: an answer of the service may name a machine whose event is still on its way. */
  reload(): Promise<void> {
    return this.#list();
  }

  /** A machine in full; kept until an event says that it has changed. */
  details(id: string): Promise<MachineDetails> {
    const known = this.#details.get(id);
    if (known) return known;
    const asked = this.#service.call("machine.show", { machine: id });
    this.#details.set(id, asked);
    asked.catch(() => {
      if (this.#details.get(id) === asked) this.#details.delete(id);
    });
    return asked;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  #list(): Promise<void> {
    const listed = this.#fetch();
    this.#listed = listed;
    listed.catch(() => {
      if (this.#listed === listed) this.#listed = undefined;
    });
    return listed;
  }

  async #fetch(): Promise<void> {
    const client = await this.#service.client();
    const list = await client.call("machine.list", {});
    this.#byId = new Map(list.map((machine) => [machine.id, machine]));
    this.#details.clear();
    this.#isListed = true;
    this.#changed.fire({});
  }

  #take(event: VivEvent): void {
    switch (event.event) {
      case "machine.changed":
        this.#put(event.machine);
        break;
      case "machine.removed":
        // A folder that vanished under vivd is known to it by its name alone.
        this.#drop(this.#byId.has(event.id) ? event.id : (this.all.find(({ name }) => name === event.name)?.id ?? event.id));
        break;
      case "machine.readiness":
        if (reachSteps.has(event.step)) this.#refresh(event.id);
        break;
      case "machine.storageChanged":
        this.#details.delete(event.id);
        break;
      case "machine.notice":
      case "daemon.stopping":
        break;
    }
  }

  #put(machine: MachineSummary): void {
    // A vm.json that broke or was mended changes the id: the folder's name is what stays.
    const other = this.all.find(({ id, name }) => name === machine.name && id !== machine.id);
    if (other) this.#drop(other.id);
    const before = this.#byId.get(machine.id);
    this.#byId.set(machine.id, machine);
    this.#details.delete(machine.id);
    this.#changed.fire({ id: machine.id, after: machine, ...(before ? { before } : {}) });
  }

  #drop(id: string): void {
    const before = this.#byId.get(id);
    if (!before) return;
    this.#byId.delete(id);
    this.#details.delete(id);
    this.#changed.fire({ id, before });
  }

  #refresh(id: string): void {
    const machine = this.#byId.get(id);
    if (!machine) return;
    this.#details.delete(id);
    this.#changed.fire({ id, before: machine, after: machine });
  }
}
