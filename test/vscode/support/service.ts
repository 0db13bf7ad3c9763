import type { VivClient } from "../../../src/api/index.ts";
import type { TestHome } from "../../support/home.ts";
import { until } from "./until.ts";

/** Kills the service, and waits for the one that the window starts in its place. */
export async function killService(home: TestHome): Promise<VivClient> {
  const pid = await home.vivdPid();
  process.kill(pid, "SIGKILL");
  return serviceAfter(home, pid);
}

/** A connection to the service that came after the one with this pid; the test itself starts none. */
export async function serviceAfter(home: TestHome, pid: number): Promise<VivClient> {
  await until(
    "another service runs",
    () => home.vivdPid().catch(() => pid),
    (now) => now !== pid,
  );
  return home.client();
}
