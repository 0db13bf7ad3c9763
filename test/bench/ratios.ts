import { readFile, writeFile } from "node:fs/promises";
import type { Ratios } from "./figure.ts";

/** More than this much worse than the committed ratio is a drift. */
const tolerance = 1.25;

export async function readRatios(file: string): Promise<Ratios> {
  return JSON.parse(await readFile(file, "utf8")) as Ratios;
}

export async function writeRatios(file: string, ratios: Ratios): Promise<void> {
  await writeFile(file, `${JSON.stringify(ratios, null, 2)}\n`);
}

/** The ratios that drifted to the worse, one line each. */
export function drifts(committed: Ratios, measured: Ratios): string[] {
  return Object.entries(measured).flatMap(([name, now]) => {
    const before = committed[name];
    if (before === undefined) return [`${name}: ${now} is not among the committed ratios; run the whole bench and commit them`];
    return now > before * tolerance ? [`${name}: ${now} instead of ${before} (${Math.round((now / before - 1) * 100)} % worse)`] : [];
  });
}
