import {
  type CallOptions,
  type ExecSession,
  type MethodName,
  type Params,
  type ProgressReport,
  type Result,
  type VivClient,
  type VivEvent,
  type VivStream,
  wholeOf,
} from "../../../../src/api/index.ts";

export type Answers = { [M in MethodName]?: (params: Params<M>, options: CallOptions) => Promise<Result<M>> | Result<M> };

export interface FakeClient extends VivClient {
  readonly calls: { method: MethodName; params: unknown }[];
  readonly disposed: boolean;
  emit(event: VivEvent): void;
  /** The service goes away. */
  drop(): void;
}

/** A client whose service is a table of answers; a method without one fails the test. */
export function fakeClient(answers: Answers, serial?: VivStream, exec?: ExecSession): FakeClient {
  const listeners = new Set<(event: VivEvent) => void>();
  const calls: FakeClient["calls"] = [];
  const gone = Promise.withResolvers<void>();
  let disposed = false;
  return {
    service: { version: "0.0.0", build: "0", pid: 4242, apiVersion: 1 },
    calls,
    get disposed() {
      return disposed;
    },
    closed: gone.promise,
    async call(method, params, options = {}) {
      calls.push({ method, params });
      const answer = answers[method];
      if (answer === undefined) throw new Error(`the test has no answer for ${method}`);
      return answer(params, options);
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async openSerial(machine, replayBytes) {
      calls.push({ method: "machine.openSerial", params: { machine, replayBytes } });
      if (serial === undefined) throw new Error("the test has no serial console");
      return serial;
    },
    // Not a call: where the guest has no viv-agent, what follows is told apart by its calls.
    async openExec() {
      return exec;
    },
    async openWatch() {
      return undefined;
    },
    async watchPorts() {
      return undefined;
    },
    dispose() {
      disposed = true;
    },
    emit: (event) => {
      for (const listener of listeners) listener(event);
    },
    drop: () => gone.resolve(),
  };
}

export interface FakeConsole extends VivStream {
  readonly written: () => string;
  print(text: string | Buffer): void;
  end(reason: string): void;
  readonly closed: () => boolean;
}

/** A serial console; `onWrite` is what the guest does when something is typed. */
export function fakeConsole(onWrite: (text: string, console: FakeConsole) => void = () => undefined): FakeConsole {
  let data: (chunk: Buffer) => void = () => undefined;
  let ended: (reason: string) => void = () => undefined;
  let written = "";
  let closed = false;
  const fake: FakeConsole = {
    id: 1,
    write(bytes) {
      const text = wholeOf(bytes).toString("utf8");
      written += text;
      onWrite(text, fake);
    },
    onData: (listener) => {
      data = listener;
    },
    onEnd: (listener) => {
      ended = listener;
    },
    close: () => {
      closed = true;
    },
    written: () => written,
    print: (text) => data(Buffer.from(text)),
    end: (reason) => ended(reason),
    closed: () => closed,
  };
  return fake;
}

export type { ProgressReport };
