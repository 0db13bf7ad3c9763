import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ErrorReport } from "../model/index.ts";

/** Why the service did not start, for the client that started it (api/service.ts reads it). */
export function startErrorFile(home: string): string {
  return join(home, "logs", "vivd.start-error.json");
}

export async function writeStartError(home: string, report: ErrorReport): Promise<void> {
  await writeFile(startErrorFile(home), JSON.stringify(report), { mode: 0o600 }).catch(() => undefined);
}

export async function clearStartError(home: string): Promise<void> {
  await rm(startErrorFile(home), { force: true });
}
