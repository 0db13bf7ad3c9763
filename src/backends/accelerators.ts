import type { Host } from "./host.ts";
import { hvf } from "./hvf.ts";
import { kvm } from "./kvm.ts";
import { tcg } from "./tcg.ts";
import type { AcceleratorName, Backend, Program } from "./types.ts";
import { whpx } from "./whpx.ts";

/** Every backend, the preferred first. TCG is last and always there. */
export const backends: readonly Backend[] = [kvm, hvf, whpx, tcg];

const byName: Record<AcceleratorName, Backend> = { kvm, hvf, whpx, tcg };

export function backend(name: AcceleratorName): Backend {
  return byName[name];
}

/** The accelerators compiled into an emulator, by QEMU's names: `-accel help` prints a heading, then one a line. */
export async function builtInAccelerators(host: Host, emulator: Program): Promise<readonly string[]> {
  const answer = await host.run(emulator.file, [...emulator.argsPrefix, "-accel", "help"], { timeoutMs: 5_000, env: emulator.env });
  return answer.stdout
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
