import { spawn } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../src/backends/index.ts";
import { checkout, type TestHome, testHome } from "../support/home.ts";
import { sleep } from "./samples.ts";

/**
 * The built programs as a user has them: `dist/viv.js`, and `dist/vivd.js` handed over to the bundle's own runtime.
 * A copy of their own, so that a build meanwhile does not change what is measured.
 */
export interface Programs {
  readonly dist: string;
  dispose(): Promise<void>;
}

export async function copyPrograms(): Promise<Programs> {
  const dist = await mkdtemp(join(tmpdir(), "viv-dist-"));
  const from = join(checkout, "dist");
  for (const file of ["viv.js", "vivd.js", "package.json"]) await copyFile(join(from, file), join(dist, file));
  for (const folder of ["viv-parts", "vivd-parts"]) await cp(join(from, folder), join(dist, folder), { recursive: true });
  for (const folder of ["bundle", "guest"]) await symlink(join(from, folder), join(dist, folder));
  return { dist, dispose: () => rm(dist, { recursive: true, force: true }) };
}

export interface World extends TestHome {
  /** Milliseconds of one `node dist/viv.js …`, from spawn to exit. @throws with its words when it fails. */
  viv(...words: string[]): Promise<number>;
  /** Milliseconds of `node -e 0`. */
  node(): Promise<number>;
  /** kill -9, and it is gone. */
  killService(): Promise<void>;
  /** Ends it with this world. */
  own(thing: { dispose(): Promise<void> }): void;
}

/** Unpacked once for all homes of the bench. */
const binFolder = join(process.env["VIVARIUM_CACHE"] ?? join(homedir(), ".cache", "vivarium"), "bench-bin");

export async function makeWorld({ dist }: Programs): Promise<World> {
  await mkdir(binFolder, { recursive: true, mode: 0o700 });
  const home = await testHome({ vivd: join(dist, "vivd.js"), bin: binFolder });
  const run = (words: readonly string[]) => runNode(words, home.environment);
  const owned = new Set<{ dispose(): Promise<void> }>();
  return {
    ...home,
    own: (thing) => void owned.add(thing),
    async dispose() {
      for (const thing of owned) await thing.dispose();
      owned.clear();
      await home.dispose();
    },
    viv: (...words) => run([join(dist, "viv.js"), ...words]),
    node: () => run(["-e", "0"]),
    async killService() {
      const endpoint = JSON.parse(await readFile(join(home.folder, "run", "vivd.json"), "utf8")) as { pid: number; startTime: string };
      process.kill(endpoint.pid, "SIGKILL");
      while (await isAlive(endpoint)) await sleep(2);
    },
  };
}

function runNode(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, words, { env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data: Buffer) => {
      said += data.toString();
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      const ms = performance.now() - started;
      if (code === 0) resolve(ms);
      else reject(new Error(`${words.join(" ")} ended with ${code}: ${said}`));
    });
  });
}
