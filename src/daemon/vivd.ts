import { errorReport, exitCode } from "../model/index.ts";
import { handOver } from "./runtime.ts";
import { runService } from "./service.ts";
import { writeStartError } from "./startError.ts";

/** The background service's entry: `vivd --home FOLDER`. Its output goes to `<home>/logs/vivd.log`. */
const at = process.argv.indexOf("--home");
const home = at > 0 ? process.argv[at + 1] : undefined;
if (home === undefined) {
  process.stderr.write("usage: vivd --home FOLDER\n");
  process.exitCode = 2;
} else {
  // A promise that nobody waits for must not end the service with its machines' watchers; it is a defect to be seen.
  process.on("unhandledRejection", (reason) =>
    process.stderr.write(`${new Date().toISOString()} unhandled: ${reason instanceof Error ? reason.stack : String(reason)}\n`),
  );
  start(home).catch(async (error: unknown) => {
    const report = errorReport(error);
    process.stderr.write(`${new Date().toISOString()} ${error instanceof Error ? error.stack : report.message}\n`);
    await writeStartError(home, report);
    process.exit(exitCode(report.code));
  });
}

async function start(folder: string): Promise<void> {
  if (await handOver(folder)) return;
  const outcome = await runService(folder);
  if (outcome === "another runs") process.exit(0);
}
