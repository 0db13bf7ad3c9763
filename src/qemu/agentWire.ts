import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import * as z from "zod";
import { VivError, vivError } from "../model/index.ts";
import { type Limits, withDeadline } from "./deadline.ts";
import { deferred } from "./deferred.ts";
import { lineReader } from "./lines.ts";

/**
 * The wire to qemu-guest-agent. Its protocol has no ids, so one command is in flight at a time, and whenever the
 * two sides may be out of step they meet again at `guest-sync-delimited` with a random id; everything before its
 * answer is dropped (a fixed id misaligned all later answers: docs/traps.md §5). What comes is the guest's word: hostile.
 */
export interface AgentWire {
  /**
   * @throws AgentError when the agent refuses; VivError `agent-unavailable` when there is no answer in time or the
   *   connection ended, `agent-failed` for garbage or too much of it, `cancelled`
   */
  send<S extends z.ZodType>(name: string, args: Readonly<Record<string, unknown>>, returns: S, limits?: AgentLimits): Promise<z.output<S>>;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  dispose(): void;
}

export interface AgentLimits extends Limits {
  /** Longest answer accepted, bytes. Default 1 MiB. */
  readonly answerLimitBytes?: number;
}

type BoundedLimits = Limits & { readonly timeoutMs: number };

/** The agent said no. */
export class AgentError extends VivError {
  readonly command: string;
  readonly description: string;

  constructor(command: string, agentClass: string, description: string) {
    const forbidden = agentClass === "CommandNotFound" || /disabled|blocked/i.test(description);
    const hint = forbidden ? `The guest's agent does not allow ${command}; its settings in the guest say what it may do.` : undefined;
    super("agent-failed", `The guest refused ${command}: ${description.slice(0, 500)}`, hint);
    this.command = command;
    this.description = description;
  }
}

const defaultTimeoutMs = 5000;
const defaultAnswerLimitBytes = 1024 ** 2;
/** Not a byte of UTF-8: makes the agent's parser, and ours, forget an unfinished line. */
const delimiter = 0xff;

const Refusal = z.looseObject({ error: z.looseObject({ class: z.string(), desc: z.string() }) });

type Answer = { readonly value: unknown } | { readonly refused: { readonly class: string; readonly desc: string } };

export function openAgentWire(stream: Duplex): AgentWire {
  const closed = deferred<void>();
  let ended = false;
  let inStep = false;
  let queue: Promise<unknown> = Promise.resolve();
  let listener: { line(line: Buffer): void; fail(error: VivError): void } | undefined;
  let limitBytes = defaultAnswerLimitBytes;

  const reader = lineReader({
    ends: [0x0a, delimiter],
    limitBytes: () => limitBytes,
    onLine: (line) => {
      // Nobody asked: the next answer could be taken for another's.
      if (listener === undefined) inStep = false;
      else listener.line(line);
    },
    onOverflow: () => {
      inStep = false;
      listener?.fail(vivError("agent-failed", `The guest's agent answered with more than ${limitBytes} bytes.`));
    },
  });

  function end(): void {
    if (ended) return;
    ended = true;
    stream.destroy();
    reader.reset();
    listener?.fail(gone());
    closed.resolve();
  }
  stream.on("data", (chunk: Buffer) => {
    if (!ended) reader.push(chunk);
  });
  for (const name of ["error", "close", "end"]) stream.on(name, end);

  /** Writes, then waits until `accept` makes something of a line. Lines it returns undefined for are dropped. */
  async function converse<T>(
    text: string | Buffer,
    accept: (line: Buffer) => T | undefined,
    ignoreOverflow: boolean,
    limits: BoundedLimits,
  ): Promise<T> {
    const answer = deferred<T>();
    listener = {
      line: (line) => {
        try {
          const value = accept(line);
          if (value !== undefined) answer.resolve(value);
        } catch (thrown) {
          answer.reject(thrown as VivError);
        }
      },
      fail: (error) => {
        if (!ignoreOverflow || ended) answer.reject(error);
      },
    };
    stream.write(text);
    try {
      return await withDeadline(answer.promise, limits.timeoutMs, limits.signal, () => silent(limits.timeoutMs));
    } finally {
      listener = undefined;
    }
  }

  async function getInStep(limits: BoundedLimits): Promise<void> {
    const id = randomInt(1, 2 ** 48 - 1);
    const request = Buffer.concat([Buffer.of(delimiter), Buffer.from(requestText("guest-sync-delimited", { id }))]);
    limitBytes = 4096;
    const isOurs = (line: Buffer) => (parse(line)?.["return"] === id ? true : undefined);
    await converse(request, isOurs, true, limits);
    inStep = true;
  }

  async function exchange(name: string, args: Readonly<Record<string, unknown>>, limits: AgentLimits): Promise<Answer> {
    const timeoutMs = limits.timeoutMs ?? defaultTimeoutMs;
    const bounded = { timeoutMs, ...(limits.signal === undefined ? {} : { signal: limits.signal }) };
    if (ended) throw gone();
    if (limits.signal?.aborted) throw vivError("cancelled", "Cancelled.");
    if (!inStep) await getInStep(bounded);
    limitBytes = limits.answerLimitBytes ?? defaultAnswerLimitBytes;
    inStep = false;
    const answer = await converse(requestText(name, args), (line) => readAnswer(name, line), false, bounded);
    inStep = true;
    return answer;
  }

  /** One after the other; a failure is the business of who asked. */
  function enqueue<T>(work: () => Promise<T>): Promise<T> {
    const turn = queue.then(work);
    queue = turn.catch(() => undefined);
    return turn;
  }

  return {
    closed: closed.promise,
    dispose: end,
    async send(name, args, returns, limits = {}) {
      const answer = await enqueue(() => exchange(name, args, limits));
      if ("refused" in answer) throw new AgentError(name, answer.refused.class, answer.refused.desc);
      const value = returns.safeParse(answer.value);
      if (value.success) return value.data;
      throw vivError("agent-failed", `The guest's agent answered ${name} in an unexpected form.`, undefined, value.error);
    },
  };
}

function requestText(name: string, args: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ execute: name, arguments: args })}\n`;
}

function parse(line: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function readAnswer(name: string, line: Buffer): Answer {
  const answer = parse(line) ?? {};
  const refusal = Refusal.safeParse(answer);
  if (refusal.success) return { refused: refusal.data.error };
  if (Object.hasOwn(answer, "return")) return { value: answer["return"] };
  throw vivError("agent-failed", `The guest's agent answered ${name} with something that is not its protocol.`);
}

function gone(): VivError {
  return vivError("agent-unavailable", "The connection to the guest's agent ended.", "The machine may have stopped.");
}

function silent(timeoutMs: number): VivError {
  return vivError(
    "agent-unavailable",
    `The guest's agent did not answer within ${timeoutMs} ms.`,
    "Is qemu-guest-agent installed and running in the guest?",
  );
}
