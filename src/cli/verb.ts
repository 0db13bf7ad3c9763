import type { MethodName, Params, ProgressReport, Result, VivClient, VivStream } from "../api/index.ts";
import type { Host } from "./host.ts";

/** What a shell offers for a word. */
export type Completion = "machine" | "image" | "file" | "folder" | "none";

export interface OptionSpec {
  readonly summary: string;
  /** Name of the value in help (`DURATION`); absent: a flag. */
  readonly value?: string;
  readonly many?: boolean;
  readonly short?: string;
  readonly choices?: readonly string[];
  /** What a shell offers where other words are right, too. */
  readonly suggestions?: readonly string[];
  readonly completes?: Completion;
}

export interface ArgumentSpec {
  /** As written in the usage line: `NAME`. */
  readonly label: string;
  readonly summary: string;
  readonly optional?: boolean;
  /** Takes the rest of the words: one or more, or none when `optional`. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  readonly completes?: Completion;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;
/** In the order in which the words come. */
export type ArgumentTable = Readonly<Record<string, ArgumentSpec>>;

type OptionValue<S> = S extends { readonly value: string }
  ? S extends { readonly many: true }
    ? readonly string[]
    : string | undefined
  : boolean;
type ArgumentValue<S> = S extends { readonly many: true }
  ? readonly string[]
  : S extends { readonly optional: true }
    ? string | undefined
    : string;

export type OptionValues<O> = { readonly [K in keyof O]: OptionValue<O[K]> };
export type ArgumentValues<A> = { readonly [K in keyof A]: ArgumentValue<A[K]> };

/** What a verb is given to do its work. */
export interface Work {
  readonly host: Host;
  readonly json: boolean;
  readonly verbose: boolean;
  /** Aborted by the first Ctrl+C. */
  readonly signal: AbortSignal;
  /** The connection to the service, started on first use. */
  client(): Promise<VivClient>;
  /** The connection to a service that runs already; `daemon-unavailable` when there is none. */
  runningClient(): Promise<VivClient>;
  /** A request with cancellation, and progress on the live line as `verb subject: step`. */
  call<M extends MethodName>(method: M, params: Params<M>, subject?: string): Promise<Result<M>>;
  openSerial(machine: string, replayBytes: number): Promise<VivStream>;
  /** The one result: JSON with `--json`, else the text. */
  print(value: unknown, text: () => string): void;
  /** How far work of this process has come, on the live line: `verb: step`. */
  progress(report: ProgressReport): void;
  /** Takes that line away, before output of others. */
  endProgress(): void;
  /** A line for people on stderr; nothing with `--json`. */
  note(text: string): void;
  /** Reports a failure without ending the verb; gives the exit code it stands for. */
  report(thrown: unknown): Promise<number>;
  /** A path as the caller meant it. */
  path(text: string): string;
}

export interface Context<O, A> extends Work {
  readonly options: OptionValues<O>;
  readonly args: ArgumentValues<A>;
}

interface VerbText {
  /** `start`, `trash ls`. */
  readonly name: string;
  readonly summary: string;
  /** What follows the name: `NAME -- CMD ARG…`. */
  readonly usage: string;
  /** More than the summary says, in a few sentences. */
  readonly details?: string;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
}

export interface VerbOf<O extends OptionTable, A extends ArgumentTable> extends VerbText {
  readonly arguments: A;
  readonly options: O;
  /** Gives the exit code when it is not 0. */
  run(context: Context<O, A>): Promise<number | undefined>;
}

export type ParsedValues = Readonly<Record<string, boolean | string | readonly string[] | undefined>>;

/** A verb as the table, the parser and the help see it. */
export interface Verb extends VerbText {
  readonly arguments: ArgumentTable;
  readonly options: OptionTable;
  run(work: Work, options: ParsedValues, args: ParsedValues): Promise<number | undefined>;
}

export function defineVerb<const O extends OptionTable, const A extends ArgumentTable>(verb: VerbOf<O, A>): Verb {
  return {
    ...verb,
    // The parser has made the values from these very tables: the one place where types are told so.
    run: (work, options, args) => verb.run({ ...work, options: options as OptionValues<O>, args: args as ArgumentValues<A> }),
  };
}
