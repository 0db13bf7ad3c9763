import { resolve } from "node:path";
import type { MethodName, Params, Result, VivClient, VivStream } from "../api/index.ts";
import type { Host } from "./host.ts";
import { Progress } from "./progress.ts";
import { safeBlock, safeJson } from "./safe.ts";
import type { Work } from "./verb.ts";

export interface OwnedWork extends Work {
  dispose(): void;
}

/** One run of one verb: its connection, its live line, its output. */
export function makeWork(host: Host, verbName: string, form: { json: boolean; verbose: boolean }): OwnedWork {
  const progress = new Progress(host, form.verbose);
  let client: Promise<VivClient> | undefined;
  const connected = (start: boolean): Promise<VivClient> => {
    client ??= unlessAborted(host.connect(start), host.signal);
    return client;
  };

  async function call<M extends MethodName>(method: M, params: Params<M>, subject = ""): Promise<Result<M>> {
    const service = await connected(true);
    const title = subject === "" ? verbName : `${verbName} ${subject}`;
    try {
      return await service.call(method, params, { signal: host.signal, onProgress: (report) => progress.update(title, report) });
    } finally {
      progress.end(title);
    }
  }

  return {
    host,
    ...form,
    signal: host.signal,
    client: () => connected(true),
    runningClient: () => connected(false),
    call,
    openSerial: async (machine: string, replayBytes: number): Promise<VivStream> =>
      (await connected(true)).openSerial(machine, replayBytes),
    print(value, text) {
      progress.clear();
      host.stdout.write(form.json ? `${safeJson(value, 2)}\n` : text());
    },
    progress: (report) => progress.update(verbName, report),
    endProgress: () => progress.end(verbName),
    note(text) {
      progress.clear();
      if (!form.json) host.stderr.write(`${safeBlock(text)}\n`);
    },
    async report(thrown) {
      progress.clear();
      const { reportError } = await import("./report.ts");
      return reportError(host.stderr, thrown, form);
    },
    path: (text) => resolve(host.folder, text),
    dispose() {
      progress.clear();
      void client?.then((service) => service.dispose()).catch(() => undefined);
    },
  };
}

/** Settles with the work, or rejects at once when the signal is given (a connection has no cancellation of its own). */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw abortError();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(abortError());
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The model reads this name as `cancelled`. */
function abortError(): Error {
  return new DOMException("Cancelled.", "AbortError");
}
