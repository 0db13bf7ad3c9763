import { parse as parseYaml } from "yaml";
import { type CaseResult, limitedText, type Report, reportLimits } from "./model.ts";

/**
 * TAP 12 to 14 (testanything.org): results with their YAML blocks, subtests in four spaces or in braces (Vitest), SKIP,
 * TODO, plan, bail-out. What is no TAP is passed over, as the specification wants, so a command's whole output may be read;
 * what is indented below a failed test is its detail (Mocha). A subtest's own line counts as a test only when nothing in it does.
 */
export function parseTap(text: string): Report {
  const reading = new Reading();
  for (const line of text.split(/\r?\n/)) if (!reading.line(line)) break;
  return reading.end();
}

const resultLine = /^(not )?ok\b(?:\s+\d+)?(?:\s+-)?\s*(.*)$/;
const planLine = /^1\.\.(\d+)\s*(?:#.*)?$/;
const directive = /\s*#\s*(skip|todo)\b\S*\s*(.*)$/i;
const timing = /\s+#\s*time=([\d.]+)(ms|s)\b/;
const indentation = 4;

/** A line `ok …` or `not ok …`. */
interface Result {
  readonly ok: boolean;
  readonly rest: string;
}

/** One nesting: what was seen at it since it began. */
interface Level {
  /** Of the subtest that this level is, where it was said before. */
  readonly name: string | undefined;
  /** In braces: its own result came first. */
  readonly braces: Result | undefined;
  results: number;
  planned: number | undefined;
  cases: number;
  failed: number;
}

class Reading {
  readonly #cases: CaseResult[] = [];
  readonly #problems: string[] = [];
  readonly #levels: Level[] = [newLevel(undefined, undefined)];
  /** Said by `# Subtest: NAME` for the level that begins. */
  #nextName: string | undefined;
  #yaml: { readonly indent: string; readonly lines: string[]; characters: number } | undefined;
  /** What a block or indented text belongs to. */
  #last: { readonly spaces: number; readonly index: number | undefined } = { spaces: 0, index: undefined };

  /** False: nothing more is read. */
  line(line: string): boolean {
    if (this.#yaml) return this.#yamlLine(line);
    const spaces = /^ */.exec(line)?.[0].length ?? 0;
    const content = line.slice(spaces);
    if (content === "---" && spaces > this.#last.spaces) {
      this.#yaml = { indent: " ".repeat(spaces), lines: [], characters: 0 };
      return true;
    }
    const depth = spaces / indentation;
    if (Number.isInteger(depth) && depth <= reportLimits.depth) {
      const known = this.#tapLine(depth, content);
      if (known !== undefined) return known;
    }
    if (spaces > this.#last.spaces) this.#detail(line);
    return true;
  }

  end(): Report {
    this.#endLevels(0);
    const [top] = this.#levels;
    if (top && this.#problems.length === 0) {
      if (top.results === 0 && top.planned === undefined) this.#problems.push("it has no test line: this is not TAP");
      else if (top.planned === undefined) this.#problems.push("it has no plan: it may have been cut off");
    }
    if (top) this.#checkPlan(top);
    return { cases: this.#cases, problems: this.#problems };
  }

  /** Undefined: it is no line of TAP. */
  #tapLine(depth: number, content: string): boolean | undefined {
    const subtest = /^# Subtest:?\s*(.*)$/.exec(content);
    if (subtest) {
      this.#levelAt(depth);
      this.#nextName = subtest[1];
      return true;
    }
    if (/^Bail out!/i.test(content)) {
      this.#problems.push(limitedText(`the tests gave up: ${content.slice(9).trim() || "no reason given"}`));
      return false;
    }
    const plan = planLine.exec(content);
    if (plan) {
      this.#levelAt(depth).planned = Number(plan[1]);
      return true;
    }
    if (content === "}" && this.#levels.length > depth + 1) {
      this.#endLevels(depth);
      return true;
    }
    const found = resultLine.exec(content);
    if (!found) return undefined;
    const rest = found[2] ?? "";
    const result = { ok: found[1] === undefined, rest: rest.replace(/\s*\{$/, "") };
    this.#last = { spaces: depth * indentation, index: undefined };
    if (rest.endsWith("{")) this.#begin(depth, result);
    else this.#result(depth, result, this.#levels.length > depth + 1 ? this.#endLevels(depth) : undefined);
    return this.#cases.length < reportLimits.cases;
  }

  #begin(depth: number, result: Result): void {
    this.#endLevels(depth);
    this.#levelAt(depth);
    this.#levels.push(newLevel(nameOf(result.rest), result));
  }

  #levelAt(depth: number): Level {
    this.#endLevels(depth);
    while (this.#levels.length <= depth) {
      this.#levels.push(newLevel(this.#nextName, undefined));
      this.#nextName = undefined;
    }
    const level = this.#levels[depth];
    if (!level) throw new Error("a level was just made");
    return level;
  }

  /** Ends the levels deeper than this one; gives the outermost of them, where its own result is still to come. */
  #endLevels(depth: number): Level | undefined {
    let closed: Level | undefined;
    while (this.#levels.length > depth + 1) {
      closed = this.#levels.pop();
      if (!closed) break;
      this.#checkPlan(closed);
      if (closed.braces) {
        this.#result(this.#levels.length - 1, closed.braces, closed);
        closed = undefined;
      }
    }
    return closed;
  }

  #checkPlan({ planned, results, name }: Level): void {
    if (planned !== undefined && planned !== results && this.#problems.length < 100)
      this.#problems.push(limitedText(`${name === undefined ? "" : `${name}: `}${planned} tests were planned, ${results} came`));
  }

  #result(depth: number, { ok, rest }: Result, subtests: Level | undefined): void {
    const level = this.#levelAt(depth);
    level.results += 1;
    this.#nextName = undefined;
    const found = directive.exec(rest);
    const outcome = found === null ? (ok ? "passed" : "failed") : "skipped";
    level.failed += outcome === "failed" ? 1 : 0;
    // What is in a subtest has been told; its own line says more only when nothing in it failed.
    if (subtests && subtests.cases > 0 && (outcome !== "failed" || subtests.failed > 0)) {
      level.cases += subtests.cases;
      return;
    }
    level.cases += 1;
    const reason = found?.[2]?.replace(/^-$/, "").trim();
    const time = timing.exec(rest);
    this.#last = { spaces: depth * indentation, index: this.#cases.length };
    this.#cases.push({
      suite: limitedText(
        this.#levels
          .slice(1, depth + 1)
          .flatMap(({ name }) => (name ? [unescaped(name)] : []))
          .join(" > "),
      ),
      name: limitedText(nameOf(rest)),
      outcome,
      ...(time ? { durationMs: Number(time[1]) * (time[2] === "s" ? 1000 : 1) } : {}),
      ...(reason ? { message: limitedText(reason) } : {}),
    });
    if (this.#cases.length === reportLimits.cases) this.#problems.push(`only the first ${reportLimits.cases} tests were read`);
  }

  #yamlLine(line: string): boolean {
    const yaml = this.#yaml;
    if (!yaml) return true;
    if (line.trimEnd() === `${yaml.indent}...`) {
      this.#yaml = undefined;
      this.#takeBlock(yaml.lines.join("\n"));
    } else if (line.startsWith(yaml.indent) || line.trim() === "") {
      yaml.characters += line.length;
      if (yaml.characters < reportLimits.textCharacters * 4) yaml.lines.push(line.slice(yaml.indent.length));
    } else {
      // It was no block, or one that was cut off.
      this.#yaml = undefined;
      return this.line(line);
    }
    return true;
  }

  /** A block's words as node:test, Vitest and tape write them. */
  #takeBlock(yaml: string): void {
    const values = yamlValues(yaml);
    const error = values["error"];
    const said = textOf(isObject(error) ? error["message"] : error) ?? textOf(values["message"]);
    const detail = [said, textOf(values["stack"])].filter((part) => part !== undefined).join("\n");
    const durationMs = Number(textOf(values["duration_ms"]));
    const place = placeIn(textOf(values["location"]) ?? textOf(values["at"]));
    this.#change((before) => ({
      ...before,
      ...(durationMs >= 0 ? { durationMs } : {}),
      ...(before.outcome === "failed" && detail !== ""
        ? { message: limitedText(said ?? detail).split("\n")[0] ?? "", detail: limitedText(detail) }
        : {}),
      ...place,
    }));
  }

  #detail(line: string): void {
    this.#change((before) => {
      const { detail = "" } = before;
      if (before.outcome !== "failed" || detail.length >= reportLimits.textCharacters) return before;
      return { ...before, message: before.message ?? line.trim(), detail: limitedText(`${detail}\n${line}`) };
    });
  }

  #change(change: (before: CaseResult) => CaseResult): void {
    const { index } = this.#last;
    const before = index === undefined ? undefined : this.#cases[index];
    if (index !== undefined && before) this.#cases[index] = change(before);
  }
}

function newLevel(name: string | undefined, braces: Result | undefined): Level {
  return { name, braces, results: 0, planned: undefined, cases: 0, failed: 0 };
}

function nameOf(rest: string): string {
  return unescaped(rest.replace(timing, "").replace(directive, ""));
}

function unescaped(text: string): string {
  return text.trim().replace(/\\([#\\])/g, "$1");
}

function yamlValues(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parseYaml(text, { maxAliasCount: 0, logLevel: "silent" });
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** `/workspace/a.js:12:3` */
function placeIn(text: string | undefined): Pick<CaseResult, "file" | "line"> {
  const match = /^(.+?):(\d+)(?::\d+)?$/.exec(text?.trim() ?? "");
  return match?.[1] === undefined ? {} : { file: match[1], line: Number(match[2]) };
}
