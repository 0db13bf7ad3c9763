import { SaxesParser, type SaxesTagPlain } from "saxes";
import { type CaseResult, limitedText, type Outcome, type Report, reportLimits, secondsToMs } from "./model.ts";

/**
 * JUnit XML, as node:test, Mocha, Jest, Vitest, pytest, gotestsum and cargo's libtest write it. There is no standard; what
 * is common to them: `testsuite` elements (nested ones too) with `testcase` elements, and in these `failure`, `error` or
 * `skipped`. A document type is refused, so no entity is ever expanded. What was read before the text broke is kept.
 */
export function parseJunit(text: string): Report {
  const reading = new Reading();
  const parser = new SaxesParser();
  parser.on("doctype", () => {
    throw new Refused("it declares a document type (entities are refused)");
  });
  parser.on("opentag", (tag) => reading.open(tag));
  parser.on("closetag", (tag) => reading.close(tag.name));
  parser.on("text", (part) => reading.text(part));
  parser.on("cdata", (part) => reading.text(part));
  parser.on("error", (error) => {
    throw new Refused(`it is not well-formed XML: ${error.message}`);
  });
  try {
    parser.write(text).close();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    reading.problems.push(error.message);
  }
  if (reading.problems.length === 0 && !reading.isJunit) reading.problems.push("it has no testsuite: this is not JUnit XML");
  return { cases: reading.cases, problems: reading.problems };
}

/** Why reading ends. */
class Refused extends Error {}

interface Suite {
  readonly name: string;
  readonly file: string | undefined;
}

interface OpenCase {
  readonly attributes: Readonly<Record<string, string>>;
  outcome: Outcome;
  message: string;
  detail: string;
  /** What the test printed: libtest says nowhere else why it failed. */
  output: string;
}

const outcomes: Readonly<Record<string, Outcome>> = { failure: "failed", error: "error", skipped: "skipped" };

class Reading {
  readonly cases: CaseResult[] = [];
  readonly problems: string[] = [];
  isJunit = false;
  readonly #suites: Suite[] = [];
  #case: OpenCase | undefined;
  /** What text belongs to: failure, error and skipped say why. */
  #into: "detail" | "output" | undefined;
  #depth = 0;

  open({ name, attributes }: SaxesTagPlain): void {
    this.#depth += 1;
    if (this.#depth > reportLimits.depth) throw new Refused(`its elements are nested deeper than ${reportLimits.depth}`);
    if (name === "testsuites" || name === "testsuite") this.isJunit = true;
    if (name === "testsuite") this.#suites.push({ name: attributes["name"] ?? "", file: attributes["file"] ?? attributes["filepath"] });
    else if (name === "testcase") this.#case = { attributes, outcome: "passed", message: "", detail: "", output: "" };
    else if (this.#case && (name === "system-out" || name === "system-err")) this.#into = "output";
    else if (this.#case && outcomes[name] && this.#into === undefined) {
      this.#into = "detail";
      // A test may fail and then fail to clean up: the first one says what happened.
      if (this.#case.outcome === "passed") {
        this.#case.outcome = outcomes[name];
        this.#case.message = attributes["message"] ?? "";
      }
    }
  }

  text(part: string): void {
    if (!this.#case || this.#into === undefined) return;
    if (this.#case[this.#into].length < reportLimits.textCharacters * 2) this.#case[this.#into] += part;
  }

  close(name: string): void {
    this.#depth -= 1;
    if (name === "testsuite") this.#suites.pop();
    else if (outcomes[name] || name === "system-out" || name === "system-err") this.#into = undefined;
    else if (name === "testcase" && this.#case) {
      if (this.cases.length === reportLimits.cases) throw new Refused(`it has more than ${reportLimits.cases} test cases`);
      this.cases.push(caseOf(this.#case, this.#suites));
      this.#case = undefined;
    }
  }
}

function caseOf({ attributes, outcome, message, detail, output }: OpenCase, suites: readonly Suite[]): CaseResult {
  const suite = suiteOf(attributes, suites);
  const file = attributes["file"] ?? suites.findLast((one) => one.file !== undefined)?.file;
  const line = Number(attributes["line"] ?? attributes["lineno"]);
  const durationMs = secondsToMs(attributes["time"]);
  const whole = limitedText(detail) || (outcome === "skipped" ? "" : limitedText(output));
  // node:test writes `message="true"` for a skip without a reason.
  const said = firstLine(message === "true" ? "" : limitedText(message), whole);
  const name = attributes["name"] ?? "";
  return {
    suite: limitedText(suite),
    // jest-junit puts the suite before the name as well.
    name: limitedText(name.startsWith(`${suite} `) ? name.slice(suite.length + 1) : name),
    outcome,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(outcome === "passed" || said === "" ? {} : { message: said }),
    ...(outcome === "passed" || whole === "" ? {} : { detail: whole }),
    ...(file === undefined || file === "" ? {} : { file }),
    ...(Number.isInteger(line) && line > 0 ? { line } : {}),
  };
}

/** pytest, libtest and gotestsum put every case into one suite: what tells them apart is the class. node:test's class is always `test`. */
function suiteOf(attributes: Readonly<Record<string, string>>, suites: readonly Suite[]): string {
  const names = suites.map(({ name }) => name).filter((name) => name !== "");
  const { classname, name } = attributes;
  const says = classname !== undefined && classname !== "" && classname !== "test" && classname !== name;
  return says && names.length <= 1 ? classname : names.join(" > ");
}

/** gotestsum says no more than “Failed”, and Go frames what a test said with `=== RUN` and `--- FAIL`. */
function firstLine(message: string, detail: string): string {
  const lines = `${message === "Failed" ? "" : message}\n${detail}`.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !/^(===|---) /.test(line)) ?? message;
}
