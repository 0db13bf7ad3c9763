/**
 * Mocha inside a real extension host, with the whole `vscode` API. The suite is bundled to CommonJS, run there, its
 * results come back in a file, and each is reported here as a test of its own.
 *
 * The extension under test is the packed VSIX, as everywhere. VS Code runs tests only where an extension is developed:
 * that is the tests' own `driver/`. Only the suite, and what it imports to be a client beside the editor, is source.
 *
 *   runInHost("commands", { suite: "test/vscode/host/commands.ts" });
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import Mocha from "mocha";
import { checkout } from "../../support/home.ts";
import { startVscode, type VscodeOptions } from "./vscode.ts";

export interface HostSuite extends Pick<VscodeOptions, "workspace" | "env" | "editor" | "settings"> {
  /** A file of the checkout with `describe` and `it`. */
  readonly suite: string;
  readonly timeoutMs?: number;
  /** Called before VS Code starts, to make a home, say; what it gives is added to the environment. */
  readonly prepare?: () => Promise<NodeJS.ProcessEnv>;
}

interface HostResult {
  readonly title: string;
  readonly error?: { readonly message: string; readonly stack?: string };
  readonly pending?: boolean;
  readonly durationMs: number;
}

/** Declares a Mocha suite; call it where a `describe` would stand. */
export function runInHost(title: string, options: HostSuite): void {
  describe(title, function () {
    this.timeout(options.timeoutMs ?? 120_000);
    let inner: Mocha.Suite;
    it("runs to its end in the extension host", async () => {
      const results = await run(options);
      for (const result of results) inner.addTest(reported(result));
      if (results.length === 0) throw new Error(`${options.suite} has no test.`);
    });
    inner = describe("in the extension host", () => undefined);
  });
}

function reported({ title, error, pending }: HostResult): Mocha.Test {
  if (pending) return new Mocha.Test(title);
  return new Mocha.Test(title, () => {
    if (error) throw Object.assign(new Error(error.message), { stack: error.stack ?? error.message });
  });
}

async function run(options: HostSuite): Promise<readonly HostResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "vvh-"));
  try {
    const [runner, results] = [join(folder, "runner.cjs"), join(folder, "results.json")];
    await bundle(options.suite, runner, results);
    const env = { ...options.env, ...(await options.prepare?.()) };
    const vscode = await startVscode({
      ...options,
      env,
      payload: (authority) => [
        ["extensionDevelopmentPath", `vscode-remote://${authority}${join(import.meta.dirname, "driver")}`],
        ["extensionTestsPath", `vscode-remote://${authority}${runner}`],
      ],
    });
    try {
      return await resultsFrom(results, options.timeoutMs ?? 120_000, vscode.consoleMessages);
    } finally {
      await vscode.dispose();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One CommonJS file that exports `run`, as VS Code wants it; Mocha itself is loaded from the checkout. */
async function bundle(suite: string, outfile: string, results: string): Promise<void> {
  const entry = `${outfile}.entry.ts`;
  const [runner, file] = [join(checkout, "test", "vscode", "support", "hostRunner.ts"), resolve(checkout, suite)].map((path) =>
    JSON.stringify(path),
  );
  const mocha = JSON.stringify(join(checkout, "node_modules", "mocha"));
  await writeFile(
    entry,
    `import { runSuite } from ${runner};\nexport const run = () => runSuite(require(${mocha}), ${JSON.stringify(results)}, () => { require(${file}); });\n`,
  );
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["vscode", join(checkout, "node_modules", "mocha")],
    mainFields: ["module", "main"],
    logLevel: "warning",
  });
}

async function resultsFrom(file: string, timeoutMs: number, consoleMessages: readonly string[]): Promise<readonly HostResult[]> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const text = await readFile(file, "utf8").catch(() => "");
    if (text !== "") return JSON.parse(text) as HostResult[];
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(
    `The extension host gave no results within ${timeoutMs / 1000} s. The window's console said:\n${consoleMessages.slice(-20).join("\n")}`,
  );
}
