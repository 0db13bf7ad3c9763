import { asVivError, errorReport, exitCode, vivError } from "../model/index.ts";
import type { Output } from "./host.ts";
import type { Problem } from "./parse.ts";
import { safeBlock, safeJson } from "./safe.ts";

/** Prints a failure on stderr (JSON with --json) and gives its exit code. */
export function reportError(stderr: Output, thrown: unknown, form: { json: boolean; verbose: boolean }): number {
  const error = asVivError(thrown);
  if (form.json) {
    stderr.write(`${safeJson({ error: errorReport(error) })}\n`);
    return exitCode(error.code);
  }
  const lines = safeBlock(error.message).trimEnd().split("\n");
  stderr.write(`viv: ${lines.join("\n     ")}\n`);
  if (error.hint !== undefined) stderr.write(`  ${safeBlock(error.hint).trimEnd().split("\n").join("\n  ")}\n`);
  if (form.verbose) for (const cause of causes(error)) stderr.write(`  because: ${safeBlock(cause)}\n`);
  if (form.verbose && error.code === "internal" && error.stack) stderr.write(`${safeBlock(error.stack)}\n`);
  return exitCode(error.code);
}

export function reportUsage(stderr: Output, problem: Problem, form: { json: boolean; verbose: boolean }): number {
  return reportError(stderr, vivError("usage", problem.message, problem.hint), form);
}

function causes(error: Error): string[] {
  const found: string[] = [];
  for (let cause = error.cause; cause !== undefined && found.length < 10; cause = cause instanceof Error ? cause.cause : undefined) {
    found.push(cause instanceof Error ? cause.message : String(cause));
  }
  return found;
}
