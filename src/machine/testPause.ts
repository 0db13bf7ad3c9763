import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";

/**
 * For the tests that kill processes at an exact step, and nothing else. `VIVARIUM_TEST_PAUSE` names a file; while one
 * called `<that file>.<kind>:<step>` exists, the step takes it (renames it to `….reached`) and waits until the test
 * removes it. Without the variable this does nothing.
 */
export async function pauseForTest(kind: string, step: string): Promise<void> {
  const prefix = process.env.VIVARIUM_TEST_PAUSE;
  if (prefix === undefined) return;
  const wanted = `${prefix}.${kind}:${step}`;
  const reached = `${wanted}.reached`;
  if (!existsSync(wanted)) return;
  await rename(wanted, reached);
  while (existsSync(reached)) await new Promise((wake) => setTimeout(wake, 10));
}
