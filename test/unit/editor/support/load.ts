import { registerHooks } from "node:module";

/**
 * Import this before anything that imports `vscode`, and that with `await import()`: the stub stands in for it from
 * here on.
 */
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "vscode"
      ? { url: new URL("./vscode.ts", import.meta.url).href, format: "module-typescript", shortCircuit: true }
      : next(specifier, context),
});

export const stub = await import("./vscode.ts");
