import { randomUUID } from "node:crypto";
import { constants, copyFile, cp, link, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { starterMachine } from "../support/home.ts";
import { figure, type Measured } from "./figure.ts";
import { timed } from "./samples.ts";
import type { World } from "./world.ts";

const count = 1000;

/** A home of a thousand stopped machines: the list when vivd knows them, and when it has to read them first. */
export async function measureLibrary(world: World, runs: number): Promise<Measured> {
  const client = await world.client();
  await starterMachine(client, "machine");
  await client.call("daemon.stop", {});
  await client.closed;
  await multiply(world);

  const cold: number[] = [];
  const started: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    const { ms, value } = await timed(async () => {
      const begun = performance.now();
      const fresh = await world.client();
      const connectedMs = performance.now() - begun;
      const machines = await fresh.call("machine.list", {});
      if (machines.length !== count) throw new Error(`${machines.length} machines instead of ${count}.`);
      return connectedMs;
    });
    // The first one also warms the host's cache of files; the rest are counted.
    if (run > 0) {
      cold.push(ms);
      started.push(value);
    }
    if (run < runs) await world.killService();
  }
  const again = await world.client();
  const warm: number[] = [];
  for (let run = 0; run < runs * 3; run += 1) warm.push((await timed(() => again.call("machine.list", {}))).ms);
  const viv: number[] = [];
  for (let run = 0; run < runs; run += 1) viv.push((await world.viv("ls")) - (await world.node()));
  return {
    figures: [
      figure(
        "list.warm",
        `List of ${count} stopped machines, warm (API)`,
        warm,
        "request to reply, checked against the schema by the client",
        { limit: 100 },
      ),
      figure(
        "list.cold",
        `vivd's cold start with ${count} machines → list`,
        cold,
        "no vivd (killed by kill -9): connect() starts dist/vivd.js, which hands over to the bundle's runtime; to the list's reply",
        { limit: 600 },
      ),
      figure("list.connect", "… of which until connected", started, "the same"),
      figure("list.viv", `\`viv ls\` of ${count} machines`, viv, "spawn to exit, less `node -e 0` of the same round"),
    ],
    ratios: {},
  };
}

/** Folders like the first one's, with their own ids and names; what nobody writes is linked. */
async function multiply(world: World): Promise<void> {
  const from = world.machineFolder("machine");
  const definition = await readFile(join(from, "vm.json"), "utf8");
  const id = /"id": "([^"]+)"/.exec(definition)?.[1] ?? "";
  const names = Array.from({ length: count - 1 }, (_, index) => `machine-${index + 1}`);
  for (let at = 0; at < names.length; at += 50)
    await Promise.all(
      names
        .slice(at, at + 50)
        .map((name) => copyOne(from, world.machineFolder(name), definition.replace(id, randomUUID()).replaceAll('"machine"', `"${name}"`))),
    );
}

async function copyOne(from: string, to: string, definition: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await cp(source, target, { recursive: true });
    else if (entry.name.endsWith(".qcow2")) await link(source, target);
    else if (entry.name !== "vm.json") await copyFile(source, target, constants.COPYFILE_FICLONE);
  }
  await writeFile(join(to, "vm.json"), definition, { mode: 0o600 });
}
