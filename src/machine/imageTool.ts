import { execa } from "execa";
import type { Toolchain } from "../backends/index.ts";
import { vivError } from "../model/index.ts";
import { convertPercent, type ImageCommand } from "../qemu/index.ts";

export interface ImageToolOptions {
  readonly signal?: AbortSignal;
  /** Percent done, as qemu-img says it (`convert -p`). */
  onPercent?(percent: number): void;
}

/**
 * Runs one qemu-img command to its end, in the folder its relative paths are meant from; an aborted signal ends it.
 * @throws VivError as the command's `parse` says; `cancelled`.
 */
export async function runImageCommand<T>(
  toolchain: Toolchain,
  command: ImageCommand<T>,
  cwd: string,
  { signal, onPercent }: ImageToolOptions = {},
): Promise<T> {
  signal?.throwIfAborted();
  const program = toolchain.program(command.program);
  const running = execa(program.file, [...program.argsPrefix, ...command.arguments], {
    cwd,
    env: { ...program.env },
    reject: false,
    stdin: "ignore",
    windowsHide: true,
    ...(signal ? { cancelSignal: signal, forceKillAfterDelay: 1000 } : {}),
  });
  if (onPercent) {
    running.stdout.on("data", (chunk: Buffer) => {
      const percent = convertPercent(chunk.toString("utf8"));
      if (percent !== undefined) onPercent(Math.min(100, Math.floor(percent)));
    });
  }
  const result = await running;
  if (signal?.aborted) throw vivError("cancelled", `qemu-img ${command.arguments[0] ?? ""} was cancelled.`);
  return command.parse({ exitCode: result.exitCode ?? null, stdout: result.stdout, stderr: result.stderr });
}
