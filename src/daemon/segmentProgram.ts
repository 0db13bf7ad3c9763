import { dirname, join } from "node:path";
import type { Program } from "../backends/index.ts";
import type { Toolchains } from "../host/index.ts";

/** How a segment's process is started: as this service is, on the bundle's Node where there is one (docs/architecture.md). */
export async function segmentProgram(toolchains: Toolchains): Promise<{ program: Program; arguments: string[] }> {
  const script = process.argv[1] ?? "";
  const here: Program = { file: process.execPath, argsPrefix: [], env: {} };
  if (!script.endsWith("vivd.js")) return { program: here, arguments: [join(dirname(script), "..", "segment", "main.ts")] };
  const toolchain = await toolchains.current();
  const program = toolchain.source === "bundle" && toolchain.has("node") ? toolchain.program("node") : here;
  return { program, arguments: [join(dirname(script), "vivd-parts", "segment.js")] };
}
