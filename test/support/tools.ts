/** The tests' QEMU: a folder of programs named by `VIVARIUM_TEST_BIN`, or what Vivarium itself would take (its bundle first). */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { findToolchain, localHost, type Program, type Toolchain } from "../../src/backends/index.ts";
import type { ProgramOutcome } from "../../src/qemu/index.ts";

export type ToolName = "qemu-system-x86_64" | "qemu-system-aarch64" | "qemu-img" | "swtpm";

/** A program to spawn, with the folders its QEMU wants by `-L`. */
export interface Tool extends Program {
  readonly dataDirectories: readonly string[];
}

/** A tier that cannot run fails, so this throws where there is no such program. */
export async function tool(name: ToolName): Promise<Tool> {
  const folder = process.env["VIVARIUM_TEST_BIN"];
  if (folder !== undefined && folder !== "") return ofFolder(folder, name);
  found ??= bundleOrPath();
  const toolchain = await found;
  const program = name.startsWith("qemu-system-")
    ? await toolchain.emulator(name === "qemu-system-x86_64" ? "x86_64" : "aarch64")
    : toolchain.program(name as "qemu-img" | "swtpm");
  return { ...program, dataDirectories: toolchain.dataDirectories };
}

function ofFolder(folder: string, name: ToolName): Tool {
  const file = join(folder, name);
  if (!existsSync(file)) throw new Error(`${name} is not in VIVARIUM_TEST_BIN (${folder}).`);
  return { file, argsPrefix: [], env: {}, dataDirectories: [] };
}

let found: Promise<Toolchain> | undefined;

/** Unpacked once for all tests, into the same folder as the homes of `home.ts` use. */
async function bundleOrPath(): Promise<Toolchain> {
  const cache = process.env["VIVARIUM_CACHE"] ?? join(homedir(), ".cache", "vivarium");
  const home = join(cache, "test-home");
  await mkdir(join(cache, "test-bin"), { recursive: true, mode: 0o700 });
  await mkdir(home, { recursive: true, mode: 0o700 });
  await symlink(join(cache, "test-bin"), join(home, "bin")).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return findToolchain({ host: localHost(), home });
}

/** Runs a program to its end; a failure is an outcome, not an error. */
export async function runTool(name: ToolName, args: readonly string[], cwd: string): Promise<ProgramOutcome> {
  const { file, argsPrefix, env } = await tool(name);
  return new Promise((resolve) => {
    execFile(file, [...argsPrefix, ...args], { cwd, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : typeof error.code === "number" ? error.code : null, stdout, stderr });
    });
  });
}
