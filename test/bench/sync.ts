import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SyncWork, sync } from "../../src/sync/index.ts";
import { starterMachine } from "../support/home.ts";
import { figure, type Measured } from "./figure.ts";
import { timed } from "./samples.ts";
import type { World } from "./world.ts";

const treeFiles = 20_000;
const smallFiles = 5000;

/** A workspace folder into the starter guest: the first time, and one changed file of many. */
export async function measureSync(world: World, runs: number): Promise<Measured> {
  const client = await world.client();
  await starterMachine(client, "box", { start: true, memory: "512M" });
  const work: SyncWork = { client, home: world.folder, signal: new AbortController().signal };
  const small = await tree(smallFiles);
  const large = await tree(treeFiles);
  try {
    const first: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      await client.call("machine.exec", { machine: "box", command: ["rm", "-rf", "/small"], way: "viv-agent" });
      first.push((await timed(() => sync(work, { folder: small, machine: "box", path: "/small" }))).ms);
    }
    const request = { folder: large, machine: "box", path: "/large" };
    await sync(work, request);
    const one: number[] = [];
    const none: number[] = [];
    for (let run = 0; run < runs * 3; run += 1) {
      await writeFile(join(large, "d7", "f77"), `edit ${run}`);
      const edited = await timed(() => sync(work, request));
      if (edited.value.put !== 1 || edited.value.compared) throw new Error(`Not one file: ${JSON.stringify(edited.value)}`);
      one.push(edited.ms);
      none.push((await timed(() => sync(work, request))).ms);
    }
    return {
      figures: [
        figure("sync.first", "First sync of 5,000 small files", first, "call to return of sync(): read here, sent, on the guest's disk", {
          limit: 2500,
        }),
        figure("sync.one", "One changed file in a tree of 20,000", one, "call to return of sync(): the whole tree is read for changes", {
          limit: 300,
        }),
        figure("sync.none", "The same with nothing changed", none, "call to return of sync()"),
      ],
      ratios: {},
    };
  } finally {
    for (const folder of [small, large]) await rm(folder, { recursive: true, force: true });
  }
}

/** Files of about 1.5 kB, a hundred in each folder. */
async function tree(files: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "viv-bench-sync-"));
  for (let at = 0; at < files; at += 1) {
    const below = join(folder, `d${Math.floor(at / 100)}`);
    if (at % 100 === 0) await mkdir(below);
    await writeFile(join(below, `f${at % 100}`), `${at} `.repeat(280));
  }
  return folder;
}
