/** A message of a union of messages told apart by `type`. */
export interface Message {
  readonly type: string;
}

/** What handles each message of a union: one that is missing does not compile. */
export type Handlers<M extends Message> = { readonly [T in M["type"]]: (message: Extract<M, { type: T }>) => void };

/** Hands a message to its handler. What is no message of the union (another extension's, a newer page's) is let pass. */
export function dispatch<M extends Message>(handlers: Handlers<M>, message: unknown): void {
  if (typeof message !== "object" || message === null) return;
  const { type } = message as Partial<Message>;
  if (typeof type !== "string" || !Object.hasOwn(handlers, type)) return;
  (handlers as Readonly<Record<string, (message: unknown) => void>>)[type]?.(message);
}
