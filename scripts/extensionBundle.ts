import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { type BuildOptions, build, transform } from "esbuild";

/**
 * The extension as CommonJS, which the editor loads, in parts: what is imported with `import()` is a file of its own, so
 * that activation reads and compiles only its own code. esbuild splits ES modules alone; each part is made CommonJS then.
 */
export async function buildExtension(outFolder: string, options: BuildOptions): Promise<void> {
  const parts = "extension-parts";
  const { outputFiles } = await build({
    ...options,
    outdir: outFolder,
    entryPoints: { extension: "extension.ts" },
    outExtension: { ".js": ".cjs" },
    chunkNames: `${parts}/[name]-[hash]`,
    splitting: true,
    target: "node22",
    format: "esm",
    banner: {},
    external: ["vscode"],
    sourcemap: "inline",
    sourcesContent: false,
    write: false,
  });
  await rm(join(outFolder, parts), { recursive: true, force: true });
  await mkdir(join(outFolder, parts), { recursive: true });
  for (const { path, text } of outputFiles) {
    const file = relative(resolve(outFolder), path);
    const { code, map } = await transform(text, {
      format: "cjs",
      platform: "node",
      target: "node22",
      supported: { "dynamic-import": false },
      minify: true,
      legalComments: "none",
      sourcemap: "external",
      sourcesContent: false,
      sourcefile: file,
    });
    await mkdir(dirname(join(outFolder, file)), { recursive: true });
    await writeFile(join(outFolder, file), `${withoutCopies(code)}//# sourceMappingURL=${file.split("/").at(-1)}.map\n`);
    await writeFile(join(outFolder, `${file}.map`), map);
  }
}

/**
 * esbuild makes a copy of the whole `vscode` object, some 400 properties, for each file that imports it as a namespace:
 * half of the time that loading took. The object itself does. Spaces keep the source map's columns.
 */
function withoutCopies(code: string): string {
  return code.replace(/(?<![\w$.])([\w$]+)\((require\("vscode"\))(,1)?\)/g, (whole, _helper, plain: string) => plain.padEnd(whole.length));
}
