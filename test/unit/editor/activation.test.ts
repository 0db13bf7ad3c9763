import assert from "node:assert/strict";
import { build } from "esbuild";

/** What `activate` evaluates: everything that extension.ts imports by statements, and they in turn. */
async function loadedAtActivation(): Promise<Set<string>> {
  const { metafile } = await build({
    entryPoints: ["extension.ts"],
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["vscode"],
    mainFields: ["module", "main"],
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const reached = new Set<string>();
  const waiting = ["extension.ts"];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const one of metafile.inputs[file]?.imports ?? []) if (one.kind === "import-statement" && !one.external) waiting.push(one.path);
  }
  return reached;
}

describe("activation", () => {
  it("loads no schemas, no protocol and no library: they come when they are needed", async () => {
    const reached = [...(await loadedAtActivation())];
    assert.ok(reached.length > 50);
    assert.deepEqual(
      reached.filter((file) => /node_modules|src\/(model|api)\//.test(file)),
      [],
    );
  });
});
