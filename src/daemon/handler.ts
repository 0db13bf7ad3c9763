import type { CheckedParams, MethodName, Result, StreamBytes } from "../api/index.ts";
import type { Work } from "../machine/index.ts";
import type { World } from "./world.ts";

/** The service's end of a stream. */
export interface ServerStream {
  receive(data: Buffer): void;
  close(): void;
}

export interface HandlerContext {
  readonly world: World;
  readonly clients: number;
  readonly work: Work;
  stop(reason: string): void;
  /** Makes a stream to this client; `open` gets how to send bytes and how to end it. */
  openStream(open: (send: (data: StreamBytes) => void, end: (reason: string) => void) => Promise<ServerStream>): Promise<number>;
}

export type Handler<M extends MethodName> = (params: CheckedParams<M>, context: HandlerContext) => Promise<Result<M>>;

/** What carries out the methods of one table. */
export type HandlersOf<Table> = { [M in keyof Table & MethodName]: Handler<M> };
