/**
 * Builds the starter guest: `node scripts/guest.ts [--arch x86_64|aarch64] [--out dist/guest] [--refresh-lock]`.
 * Without --arch both are built. VIVARIUM_CACHE names the folder for downloads (default ~/.cache/vivarium).
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Architecture, buildGuest } from "../guest/build/index.ts";

const checkout = resolve(import.meta.dirname, "..");
const architectures: readonly Architecture[] = ["x86_64", "aarch64"];

try {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", multiple: true },
      out: { type: "string", default: join(checkout, "dist", "guest") },
      "refresh-lock": { type: "boolean", default: false },
    },
  });
  const unknown = values.arch?.find((name) => !architectures.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`unknown architecture ${unknown}; known: ${architectures.join(", ")}`);
  for (const architecture of architectures.filter((name) => values.arch?.includes(name) ?? true)) {
    await buildGuest({
      architecture,
      out: resolve(values.out),
      source: join(checkout, "guest"),
      cache: process.env["VIVARIUM_CACHE"] ?? join(homedir(), ".cache", "vivarium"),
      refreshLock: values["refresh-lock"],
      log: (line) => process.stderr.write(`${line}\n`),
    });
  }
} catch (error) {
  process.stderr.write(`guest: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
