import { existsSync } from "node:fs";
import { join } from "node:path";
import { humanBytes } from "../../model/index.ts";
import { pullOutputs } from "../../sync/index.ts";
import type { Plan } from "../file/index.ts";
import {
  type CaseResult,
  type CoveredFile,
  parseJunit,
  parseLcov,
  parseTap,
  placeOf,
  type Report,
  reportLimits,
} from "../results/index.ts";
import { openCommand } from "./command.ts";
import { syncRequest } from "./ready.ts";
import type { RunWork } from "./work.ts";

/** A case with its place in the workspace of this host. */
export type PlacedCase = CaseResult & { readonly path?: string; readonly line?: number };

export interface Collected {
  readonly cases: readonly PlacedCase[];
  readonly problems: readonly string[];
}

/** Reads the reports that the tests wrote; `printed` is their output where that is TAP. */
export async function collectReports(work: RunWork, plan: Plan, machine: string, printed: Limited | undefined): Promise<Collected> {
  const cases: PlacedCase[] = [];
  const problems: string[] = [];
  const take = (name: string, report: Report) => {
    cases.push(...report.cases.map((one) => placed(plan, one)));
    problems.push(...report.problems.map((problem) => `${name}: ${problem}`));
  };
  for (const path of plan.tests?.junit ?? []) take(path, await readReport(work, plan, machine, path, parseJunit));
  const tap = plan.tests?.tap;
  if (tap === "-") take("output", parseTap(printed?.text() ?? ""));
  else if (tap !== undefined) take(tap, await readReport(work, plan, machine, tap, parseTap));
  return { cases, problems };
}

function placed(plan: Plan, one: CaseResult): PlacedCase {
  const place = placeOf(one, plan.workspaceFolder, (path) => existsSync(join(plan.folder, path)));
  const { line: _reported, ...rest } = one;
  return { ...rest, ...(place === undefined ? {} : { path: place.path, ...(place.line === undefined ? {} : { line: place.line }) }) };
}

/** What of the workspace's files ran, as the tests wrote it. */
export async function collectCoverage(
  work: RunWork,
  plan: Plan,
  machine: string,
): Promise<{ files?: readonly CoveredFile[]; problems: readonly string[] }> {
  const path = plan.tests?.coverage;
  if (path === undefined) return { problems: ["tests.coverage names no report, so what ran is not known"] };
  const read = await readFile(work, plan, machine, path);
  if ("problem" in read) return { problems: [`${path}: ${read.problem}`] };
  try {
    return { files: parseLcov(read.text, plan.workspaceFolder, (file) => existsSync(join(plan.folder, file))), problems: [] };
  } catch (error) {
    return { problems: [`${path}: it is not LCOV: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

async function readReport(work: RunWork, plan: Plan, machine: string, path: string, parse: (text: string) => Report): Promise<Report> {
  const read = await readFile(work, plan, machine, path);
  return "problem" in read ? { cases: [], problems: [read.problem] } : parse(read.text);
}

async function readFile(work: RunWork, plan: Plan, machine: string, path: string): Promise<{ text: string } | { problem: string }> {
  const file = `${plan.workspaceFolder}/${path}`;
  const session = await openCommand(work, machine, { command: ["cat", file] });
  session.stdin.end();
  session.stderr.resume();
  const content = new Limited();
  for await (const chunk of session.stdout as AsyncIterable<Buffer>) {
    if (content.add(chunk)) continue;
    session.close();
    return { problem: `it is larger than ${humanBytes(reportLimits.bytes)}: it was not read` };
  }
  const { exitCode } = await session.exit;
  return exitCode === 0 ? { text: content.text() } : { problem: "the tests did not write it" };
}

/** Bytes of a guest, up to a limit. */
export class Limited {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** False: it was too much, and is left out. */
  add(chunk: Buffer): boolean {
    if (this.#bytes + chunk.length > reportLimits.bytes) return false;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return true;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

/** Brings back what the plan names; never into .git or .vscode, through links, or over what was edited here meanwhile. */
export async function collectOutputs(work: RunWork, plan: Plan, machine: string): Promise<readonly string[]> {
  if (plan.outputs.length === 0) return [];
  const pulled = await pullOutputs(
    { client: await work.connect(), home: work.home, signal: work.signal },
    { ...syncRequest(plan, machine), outputs: plan.outputs },
  );
  for (const { path, reason } of pulled.leftOut) work.onNote(`not brought back: ${path}: ${reason}`);
  return pulled.taken;
}
