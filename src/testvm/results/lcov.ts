import lcovParser from "@friedemannsommer/lcov-parser/sync";
import { fromGuest } from "./place.ts";

/** What of a file ran; `line` counts from 1, `hits` how often. */
export interface CoveredFile {
  /** Relative to the workspace folder, with forward slashes. */
  readonly path: string;
  readonly lines: readonly Covered[];
  readonly branches: readonly Covered[];
  readonly functions: readonly (Covered & { readonly name: string })[];
}

export interface Covered {
  readonly line: number;
  readonly hits: number;
}

/**
 * An LCOV trace file as geninfo(1) describes it, of the files that the workspace has.
 * @throws Error when it is none: what is said is the parser's.
 */
export function parseLcov(text: string, workspaceFolder: string, isThere: (path: string) => boolean): CoveredFile[] {
  return lcovParser({ from: text }).flatMap(({ path: reported, lines, branches, functions }) => {
    const path = fromGuest(reported, workspaceFolder);
    if (path === undefined || !isThere(path)) return [];
    return [
      {
        path,
        lines: lines.details.filter(isReal).map(({ line, hit }) => ({ line, hits: hit })),
        branches: branches.details.filter(isReal).map(({ line, hit }) => ({ line, hits: hit })),
        functions: functions.details.filter(isReal).map(({ line, hit, name }) => ({ line, hits: hit, name })),
      },
    ];
  });
}

/** A guest wrote the numbers. */
function isReal({ line, hit }: { line: number; hit: number }): boolean {
  return Number.isSafeInteger(line) && line >= 1 && Number.isSafeInteger(hit) && hit >= 0;
}
