import type { GuestPort, MachineSummary, MethodName, VivEvent } from "../../../../src/api/index.ts";
import type { Editor, Service } from "../../../../src/editor/index.ts";
import { stub } from "./load.ts";

const { Machines, ContextKeys } = {
  ...(await import("../../../../src/editor/machines.ts")),
  ...(await import("../../../../src/editor/contextKeys.ts")),
};
const { GuestChanges } = await import("../../../../src/editor/guestChanges.ts");
const { Storage } = await import("../../../../src/editor/storage.ts");
const { Templates } = await import("../../../../src/editor/templates.ts");
const { presentError } = await import("../../../../src/editor/errors.ts");

type Answers = Partial<Record<MethodName, (params: Record<string, unknown>) => unknown>>;

/** A service that answers from a table and remembers what it was asked. */
export class FakeService {
  readonly asked: { method: string; params: Record<string, unknown> }[] = [];
  readonly events = new stub.EventEmitter<VivEvent>();
  readonly connected = new stub.EventEmitter<unknown>();
  readonly statusChanged = new stub.EventEmitter<string>();
  readonly onEvent = this.events.event;
  readonly onDidConnect = this.connected.event;
  readonly onDidChangeStatus = this.statusChanged.event;
  status = "connected";
  problem: Error | undefined;
  answers: Answers;

  constructor(machines: readonly MachineSummary[], answers: Answers = {}) {
    this.answers = {
      "machine.list": () => machines,
      "machine.show": ({ machine }) => machines.find(({ id }) => id === machine),
      ...answers,
    };
  }

  async client(): Promise<unknown> {
    return this;
  }

  async call(method: MethodName, params: Record<string, unknown>): Promise<unknown> {
    this.asked.push({ method, params });
    const answer = this.answers[method];
    if (!answer) throw new Error(`nobody expected ${method}`);
    return answer(params);
  }

  /** A guest that tells its ports as soon as somebody wants to know. */
  async watchPorts({ machine }: { machine: string }): Promise<unknown> {
    const ports = this.answers["guest.ports"]?.({ machine });
    if (ports === undefined) return undefined;
    queueMicrotask(() => this.portsChanged(machine, ports as GuestPort[]));
    return { onEnd: () => undefined, close: () => this.asked.push({ method: "close", params: { machine } }) };
  }

  portsChanged(id: string, ports: GuestPort[]): void {
    this.events.fire({ event: "machine.portsChanged", at: new Date().toISOString(), id, name: id, ports });
  }

  storageChanged({ id, name }: MachineSummary): void {
    this.events.fire({ event: "machine.storageChanged", at: new Date().toISOString(), id, name });
  }

  changed(machine: MachineSummary): void {
    this.events.fire({ event: "machine.changed", at: new Date().toISOString(), machine });
  }
}

/** An editor around a fake service: real machines, real errors, the stub's windows. */
export async function editorWith(service: FakeService): Promise<Editor> {
  const machines = new Machines(service as unknown as Service);
  await machines.load();
  const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined, error: () => undefined };
  const state = new Map<string, unknown>();
  return {
    service,
    machines,
    storage: new Storage(service as unknown as Service, machines),
    templates: new Templates(service as unknown as Service),
    guestChanges: new GuestChanges(),
    contextKeys: new ContextKeys(),
    log: quiet,
    selection: () => [],
    context: {
      subscriptions: [],
      globalState: { get: (key: string) => state.get(key), update: async (key: string, value: unknown) => state.set(key, value) },
    },
    presentError: (error: unknown, context = {}) => presentError(error, context),
  } as unknown as Editor;
}
