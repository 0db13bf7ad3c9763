import type { CaseResult } from "./model.ts";

export interface WrittenSuite {
  readonly name: string;
  readonly durationMs: number;
  readonly cases: readonly (CaseResult & { readonly path?: string })[];
}

/** JUnit XML of several runs, for CI: files are paths of the workspace. */
export function junitText(suites: readonly WrittenSuite[]): string {
  const parts = suites.map(({ name, durationMs, cases }) => {
    const count = (outcome: string) => cases.filter((one) => one.outcome === outcome).length;
    const head = attributes({
      name,
      tests: cases.length,
      failures: count("failed"),
      errors: count("error"),
      skipped: count("skipped"),
      time: seconds(durationMs),
    });
    return `  <testsuite${head}>\n${cases.map(caseText).join("")}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${parts.join("")}</testsuites>\n`;
}

function caseText(one: CaseResult & { readonly path?: string }): string {
  const head = attributes({
    classname: one.suite,
    name: one.name,
    time: one.durationMs === undefined ? undefined : seconds(one.durationMs),
    file: one.path,
    line: one.path === undefined ? undefined : one.line,
  });
  if (one.outcome === "passed") return `    <testcase${head}/>\n`;
  const element = one.outcome === "failed" ? "failure" : one.outcome;
  const inner = attributes({ message: one.message });
  const body = one.detail === undefined ? `<${element}${inner}/>` : `<${element}${inner}>${escaped(one.detail)}</${element}>`;
  return `    <testcase${head}>${body}</testcase>\n`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? "" : ` ${name}="${escaped(String(value)).replaceAll("\n", "&#10;")}"`))
    .join("");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML 1.0 has no way to write most control characters. */
function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replace(/[&<>"]/g, (character) => entities[character] ?? "");
}
