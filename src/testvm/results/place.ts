import { posix } from "node:path";
import type { CaseResult } from "./model.ts";

/** Where a test (or where it failed) stands in the workspace. */
export interface Place {
  /** Relative to the workspace folder, with forward slashes. */
  readonly path: string;
  readonly line?: number;
}

/** A path of the guest → one of the workspace; undefined when it is none. A relative one is meant from the workspace folder. */
export function fromGuest(path: string, workspaceFolder: string): string | undefined {
  const plain = path.replace(/^file:\/\//, "");
  const inside = posix.relative(workspaceFolder, posix.resolve(workspaceFolder, plain));
  return inside === "" || inside.startsWith("../") || inside === ".." ? undefined : inside;
}

/** `path:line` in a stack or a message; Python's own form too. */
const mention = /File "([^"\n]+)", line (\d+)|((?:file:\/\/)?[\w@./+-]*[\w-]\.[A-Za-z]\w{0,9}):(\d+)(?::\d+)?/g;

/**
 * Where to look for a case: where it failed, if that is in its own file, else where it stands; where the report names no
 * file, the first place of the workspace in what it said. `isThere` is asked for paths relative to the workspace folder.
 */
export function placeOf(result: CaseResult, workspaceFolder: string, isThere: (path: string) => boolean): Place | undefined {
  // Vitest names its suites by their files.
  const reported = fromGuest(result.file ?? result.suite, workspaceFolder);
  const known = reported !== undefined && isThere(reported) ? reported : undefined;
  const mentioned = mentions(result.detail ?? result.message ?? "", workspaceFolder);
  if (known === undefined) return mentioned.find(({ path }) => isThere(path)) ?? inPackage(result.suite, mentioned, isThere);
  // Mocha shortens paths to the folder it was started in.
  const failedAt = mentioned.find(({ path }) => path === known || known.endsWith(`/${path}`));
  if (failedAt) return { path: known, line: failedAt.line };
  return { path: known, ...(result.line === undefined ? {} : { line: result.line }) };
}

/** Go names files without their folder, and the suite by its package: `example.org/app/calc` is `calc` of the module's folder. */
function inPackage(
  suite: string,
  mentioned: readonly { path: string; line: number }[],
  isThere: (path: string) => boolean,
): Place | undefined {
  const parts = suite.split("/");
  for (let start = 1; start < parts.length; start += 1) {
    const folder = parts.slice(start).join("/");
    const found = mentioned.find(({ path }) => isThere(`${folder}/${path}`));
    if (found) return { path: `${folder}/${found.path}`, line: found.line };
  }
  return undefined;
}

function mentions(text: string, workspaceFolder: string): { path: string; line: number }[] {
  return [...text.matchAll(mention)].flatMap(([, python, pythonLine, file, line]) => {
    const path = fromGuest(python ?? file ?? "", workspaceFolder);
    return path === undefined || /(^|\/)node_modules\//.test(path) ? [] : [{ path, line: Number(pythonLine ?? line) }];
  });
}
