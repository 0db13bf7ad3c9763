import { spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
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
    throw vivError("home-unusable", `Cannot use ${home}: ${known.message}`, "Set VIVARIUM_HOME (or the setting vivarium.home) to a folder that belongs to you.", error);
  }
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
  child.once("exit", (code) => {
    outcome = { code };
  });
  child.unref();
  await handle.close();
  let reported: VivError | undefined;
  const readReport = async () => {
    const text = await readFile(startError, "utf8").catch(() => undefined);
    if (text === undefined) return;
    const report = JSON.parse(text) as { code?: unknown; message?: string; hint?: string };
    if (isErrorCode(report.code)) reported = vivError(report.code, report.message ?? "vivd did not start.", report.hint);
  };
  child.once("exit", () => void readReport().catch(() => undefined));
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
