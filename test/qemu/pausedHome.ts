import type { VivClient } from "../../src/api/index.ts";
import { type Pauses, pausesIn } from "../support/faults.ts";
import { type TestHome, type TestHomeOptions, testHome } from "../support/home.ts";
import { makeWorld, type World } from "./world.ts";

/** A home whose operations a test can stop at a step, and a folder beside it for the test's own files. */
export interface PausedHome {
  readonly world: World;
  readonly pauses: Pauses;
  readonly home: TestHome;
  readonly client: VivClient;
  dispose(): Promise<void>;
}

export async function pausedHome(options: TestHomeOptions = {}): Promise<PausedHome> {
  const world = await makeWorld();
  const pauses = pausesIn(world.folder);
  const home = await testHome({ ...options, environment: { ...pauses.environment, ...options.environment } });
  const client = await home.client();
  return {
    world,
    pauses,
    home,
    client,
    async dispose() {
      await home.dispose();
      await world.dispose();
    },
  };
}
