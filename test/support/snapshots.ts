import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestHome } from "./home.ts";
import { runTool } from "./tools.ts";

export { until } from "./faults.ts";

/** `qemu-img check` of every layer of a machine, also of one in use: no errors, no corruption. */
export async function allLayersAreClean(home: TestHome, machine: string): Promise<void> {
  const folder = home.machineFolder(machine);
  const layers = (await readdir(join(folder, "layers")).catch(() => [])).map((name) => join("layers", name));
  const files = [...(await readdir(folder)).filter((name) => name.endsWith(".qcow2")), ...layers];
  for (const file of files) {
    const outcome = await runTool("qemu-img", ["check", "-q", "-U", "-f", "qcow2", file], folder);
    // 3: clusters are leaked: space, not data (qemu-img(1)).
    if (outcome.exitCode !== 0 && outcome.exitCode !== 3) throw new Error(`qemu-img check ${file}: ${outcome.stderr}${outcome.stdout}`);
  }
}
