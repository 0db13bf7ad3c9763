import module from "node:module";
import { errorReport, exitCode } from "../model/index.ts";
import { handOver } from "./runtime.ts";
import { runService } from "./service.ts";
import { writeStartError } from "./startError.ts";

/** The service's own work, loaded once it is clear that this process is the one to do it. */
export async function main(home: string): Promise<void> {
  // A promise that nobody waits for must not end the service with its machines' watchers; it is a defect to be seen.
  process.on("unhandledRejection", (reason) =>
    process.stderr.write(`${new Date().toISOString()} unhandled: ${reason instanceof Error ? reason.stack : String(reason)}\n`),
  );
  try {
    if (await handOver(home)) return;
    if ((await runService(home)) === "another runs") process.exit(0);
    // A service that is killed would leave nothing for the next one to load faster.
    setImmediate(() => module.flushCompileCache?.());
  } catch (error) {
    const report = errorReport(error);
    process.stderr.write(`${new Date().toISOString()} ${error instanceof Error ? error.stack : report.message}\n`);
    await writeStartError(home, report);
    process.exit(exitCode(report.code));
  }
}
