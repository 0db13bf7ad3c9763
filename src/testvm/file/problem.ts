import { type VivError, vivError } from "../../model/index.ts";

/** What is wrong with a test-VM file, where: line and column count from 1. */
export interface FileProblem {
  /** Absolute. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** All of them as one error, a line each: `.testvm/testvm.json:3:5: …`. */
export function problemsError(problems: readonly FileProblem[], shown: (file: string) => string): VivError {
  const lines = problems.map(({ file, line, column, message }) => `${shown(file)}:${line}:${column}: ${message}`);
  return vivError(
    "invalid-definition",
    lines.join("\n"),
    "docs/test-machines.md describes the file; an editor with Vivarium checks it while you type.",
  );
}
