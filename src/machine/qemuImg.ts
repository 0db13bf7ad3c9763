import { execa } from "execa";
import type { Toolchain } from "../backends/index.ts";
import { vivError } from "../model/index.ts";

/** Runs qemu-img to its end. @throws VivError `disk-full`, or `failed` with its own words. */
export async function qemuImg(toolchain: Toolchain, args: readonly string[], cwd: string): Promise<void> {
  const program = toolchain.program("qemu-img");
  const result = await execa(program.file, [...program.argsPrefix, ...args], {
    cwd,
    env: { ...program.env },
    reject: false,
    stdin: "ignore",
    windowsHide: true,
  });
  if (result.exitCode === 0) return;
  if (/No space left on device/.test(result.stderr))
    throw vivError("disk-full", `The disk is full: ${result.stderr.trim()}`, "Free some space and try again.");
  throw vivError("failed", `qemu-img ${args[0] ?? ""} failed: ${result.stderr.trim() || result.message}`);
}
