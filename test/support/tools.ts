/** Where the tests' QEMU is: `VIVARIUM_TEST_BIN`, a folder of programs, or PATH. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import which from "which";

export type ToolName = "qemu-system-x86_64" | "qemu-system-aarch64" | "qemu-img" | "swtpm";

/** The program's path; a tier that cannot run fails, so this throws. */
export function tool(name: ToolName): string {
  const folder = process.env["VIVARIUM_TEST_BIN"];
  if (folder !== undefined && folder !== "") {
    const path = join(folder, name);
    if (existsSync(path)) return path;
    throw new Error(`${name} is not in VIVARIUM_TEST_BIN (${folder}).`);
  }
  const found = which.sync(name, { nothrow: true });
  if (found === null) throw new Error(`${name} was not found: set VIVARIUM_TEST_BIN, or install QEMU.`);
  return found;
}
