import { spawn } from "node:child_process";
import { mkdir, open, readFile, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { asVivError, isErrorCode, type VivError, vivError } from "../model/index.ts";

/** How to run vivd: a Node executable and the script; `environment` is added (`ELECTRON_RUN_AS_NODE=1`). */
export interface ServiceProgram {
  executable: string;
  arguments: readonly string[];
  environment?: Record<string, string>;
}

export interface ServiceStart {
  /** Why the service ended, if it has ended with an error; `undefined` while it may still come up. */
  failure(): VivError | undefined;
  timeout(): VivError;
  dispose(): void;
}

/** Starts vivd for a home, detached from this process and its terminal; its log is `<home>/logs/vivd.log`. */
export async function startService(home: string, program: ServiceProgram): Promise<ServiceStart> {
  const log = join(home, "logs", "vivd.log");
  const startError = join(home, "logs", "vivd.start-error.json");
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    await mkdir(join(home, "logs"), { recursive: true, mode: 0o700 });
    handle = await open(log, "a", 0o600);
  } catch (error) {
    const known = asVivError(error);
    if (known.code === "disk-full") throw known;
    throw vivError(
      "home-unusable",
      `Cannot use ${home}: ${known.message}`,
      "Set VIVARIUM_HOME (or the setting vivarium.home) to a folder that belongs to you.",
      error,
    );
  }
  await rm(startError, { force: true });
  let outcome: { code: number | null; error?: Error } | undefined;
  const child = spawn(program.executable, [...program.arguments, "--home", home], {
    detached: true,
    windowsHide: true,
    cwd: home,
    stdio: ["ignore", handle.fd, handle.fd],
    env: { ...process.env, ...program.environment },
  });
  child.once("error", (error) => {
    outcome = { code: null, error };
  });
  child.unref();
  await handle.close();
  let reported: VivError | undefined;
  child.once("exit", (code) => {
    void readReport(home, startError)
      .then((report) => {
        reported = report;
      })
      .finally(() => {
        outcome = { code };
      });
  });
  return {
    failure() {
      if (!outcome || outcome.code === 0) return undefined;
      if (reported) return reported;
      const why = outcome.error ? outcome.error.message : `it ended with exit code ${outcome.code}`;
      return vivError("daemon-unavailable", `The background service did not start: ${why}.`, `Its log: ${log}`);
    },
    timeout: () => vivError("daemon-unavailable", "The background service does not answer.", `Its log: ${log}`),
    dispose: () => child.removeAllListeners(),
  };
}

/** What the service wrote down before it ended; on a full disk it could not even do that. */
async function readReport(home: string, file: string): Promise<VivError | undefined> {
  const report = await readFile(file, "utf8")
    .then((text) => JSON.parse(text) as { code?: unknown; message?: string; hint?: string })
    .catch(() => undefined);
  if (isErrorCode(report?.code)) return vivError(report.code, report.message ?? "vivd did not start.", report.hint);
  const disk = await statfs(home).catch(() => undefined);
  if (disk?.bavail !== 0) return undefined;
  return vivError(
    "disk-full",
    `No space is left on the disk of ${home}: the background service cannot start.`,
    "Free some space and try again.",
  );
}
