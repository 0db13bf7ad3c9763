import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { payloads } from "./payloads.ts";
import type { Architecture } from "./types.ts";

/** A firmware image that QEMU takes with `-bios` ends at 4 GiB and is a multiple of 64 KiB. */
const romBytes = 65_536;

/** The probe's guest as QEMU wants it: a 64 KiB firmware image for x86_64, a raw kernel for aarch64. */
export function payload(architecture: Architecture): Buffer {
  const bytes = Buffer.from(payloads[architecture], "base64");
  return architecture === "x86_64" ? Buffer.concat([Buffer.alloc(romBytes - bytes.length), bytes]) : bytes;
}

/** Writes it into `folder` (made if need be) where it is not there already; returns its path. */
export async function payloadFile(folder: string, architecture: Architecture): Promise<string> {
  const path = join(folder, `probe-${architecture}.bin`);
  const bytes = payload(architecture);
  const present = await readFile(path).catch(() => undefined);
  if (present?.equals(bytes)) return path;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, bytes, { mode: 0o600 });
  await rename(temporary, path);
  return path;
}

/** The characters that the guest writes, each with the step that led to it (guest/probe/*.S). */
const steps: Record<Architecture, readonly (readonly [mark: string, step: string])[]> = {
  x86_64: [
    ["1", "protected mode"],
    ["2", "long mode with paging"],
    ["3", "cmpxchg16b"],
    ["4", "exceptions"],
    ["5", "interrupts"],
    ["6", "SSE and MSRs"],
    ["7", "user mode"],
    ["L", "the timed loop"],
    ["E", "the timed loop"],
  ],
  aarch64: [
    ["1", "EL1"],
    ["2", "paging"],
    ["3", "exclusive pairs"],
    ["4", "exceptions"],
    ["5", "the virtual timer"],
    ["6", "SIMD and system registers"],
    ["7", "user mode"],
    ["L", "the timed loop"],
    ["E", "the timed loop"],
  ],
};

/** From what the guest wrote: the step it was in when it stopped writing; undefined before its first character. */
export function stepReached(architecture: Architecture, written: string): string | undefined {
  const done = steps[architecture].filter(([mark]) => written.includes(mark)).length;
  return done === 0 ? undefined : steps[architecture][done]?.[1];
}
