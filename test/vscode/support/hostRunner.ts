/** Runs inside the extension host: the suite with Mocha's own `describe` and `it`, results into a file. */
import { renameSync, writeFileSync } from "node:fs";
import type MochaClass from "mocha";

interface Result {
  title: string;
  error?: { message: string; stack?: string };
  pending?: boolean;
  durationMs: number;
}

/** Node 22 requires an ES module as its namespace, Node 24 as what it exports by default here. */
type Required = typeof MochaClass | { readonly default: typeof MochaClass };

export async function runSuite(required: Required, file: string, load: () => void): Promise<void> {
  const Mocha = "default" in required ? (required.default as typeof MochaClass) : required;
  const results: Result[] = [];
  try {
    const mocha = new Mocha({ ui: "bdd", timeout: 60_000, reporter: "min" });
    mocha.suite.emit("pre-require", globalThis, "", mocha);
    load();
    await collect(mocha, results);
  } catch (error) {
    results.push(failed("the suite loads", error, 0));
  }
  // Renamed, so that a reader sees the whole of it or nothing.
  writeFileSync(`${file}.part`, JSON.stringify(results));
  renameSync(`${file}.part`, file);
}

function collect(mocha: MochaClass, results: Result[]): Promise<void> {
  return new Promise((resolve) => {
    const runner = mocha.run(() => resolve());
    runner.on("pass", (test) => results.push({ title: test.fullTitle(), durationMs: test.duration ?? 0 }));
    runner.on("pending", (test) => results.push({ title: test.fullTitle(), pending: true, durationMs: 0 }));
    runner.on("fail", (test, error) => results.push(failed(test.fullTitle(), error, test.duration ?? 0)));
  });
}

function failed(title: string, thrown: unknown, durationMs: number): Result {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { title, error: { message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) }, durationMs };
}
