import type { NetworkSettings, ProgressReport, VivClient } from "../../api/index.ts";

/** Whose words a piece of output is: what sets the machine up, or the tests themselves. */
export type OutputOf = "setup" | "tests";

/** Who runs test machines: the connection, where to remember, what ends it, and who is told. */
export interface RunWork {
  /** A connection that lives: a new one when the last was lost. */
  readonly connect: () => Promise<VivClient>;
  readonly home: string;
  readonly signal: AbortSignal;
  /** How images are fetched that are not here. */
  readonly web: { readonly catalog?: string; readonly network?: NetworkSettings };
  readonly onProgress: (report: ProgressReport) => void;
  readonly onNote: (text: string) => void;
  /** As it comes; who is slow slows the guest. `machine` is whose it is. */
  readonly onOutput: (from: OutputOf, stream: "stdout" | "stderr", data: Buffer) => Promise<void> | void;
}
