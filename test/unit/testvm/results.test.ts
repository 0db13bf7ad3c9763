import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { junitText, parseJunit, parseTap, placeOf, type Report } from "../../../src/testvm/results/index.ts";

const samples = join(import.meta.dirname, "samples");

/** The frameworks' working folders, as samples/README.md has them. */
const here: Readonly<Record<string, readonly string[]>> = {
  "cargo.xml": ["src/lib.rs"],
  "go.xml": ["calc/calc_test.go"],
  "jest.xml": ["jestp/calc.test.js"],
  "mocha.tap": ["calc.test.js"],
  "mocha.xml": ["mochap/calc.test.js"],
  "node-test.tap": ["node/calc.test.js"],
  "node-test.xml": ["node/calc.test.js"],
  "pytest.xml": ["test_calc.py"],
  "vitest.tap": ["vitestp/calc.test.js"],
  "vitest.xml": ["calc.test.js"],
};

function shown(name: string, { cases, problems }: Report): string {
  const lines = cases.map((one) => {
    const place = placeOf(one, "/workspace", (path) => here[name]?.includes(path) ?? false);
    const parts = [one.outcome.padEnd(7), `[${one.suite}] ${one.name}`];
    if (place) parts.push(`at ${place.path}${place.line === undefined ? "" : `:${place.line}`}`);
    if (one.message !== undefined) parts.push(`| ${one.message}`);
    return parts.join(" ").replace(/ \(\d+\) panicked/, " panicked");
  });
  return [`== ${name}`, ...lines, ...problems.map((problem) => `problem: ${problem}`), ""].join("\n");
}

/** What test frameworks write is hostile text from a guest, and each writes it in its own way. */
describe("test reports", () => {
  it("of the frameworks themselves are understood", async () => {
    const names = (await readdir(samples)).filter((name) => /\.(xml|tap)$/.test(name)).sort();
    const texts = await Promise.all(
      names.map(async (name) => {
        const text = await readFile(join(samples, name), "utf8");
        return shown(name, name.endsWith(".xml") ? parseJunit(text) : parseTap(text));
      }),
    );
    const file = join(samples, "understood.txt");
    if (process.env["UPDATE_GOLDEN"] === "1") await writeFile(file, texts.join("\n"));
    assert.equal(texts.join("\n"), await readFile(file, "utf8"), "UPDATE_GOLDEN=1 rewrites it");
  });

  it("say how long each took", async () => {
    const cases = parseJunit(await readFile(join(samples, "node-test.xml"), "utf8")).cases;
    assert.equal(cases.find(({ name }) => name === "adds")?.durationMs, 0.515);
    assert.equal(parseTap("ok 1 - slow # time=1.5s\n1..1").cases[0]?.durationMs, 1500);
  });

  it("in XML that breaks off keep what was read, and say so", () => {
    const report = parseJunit('<testsuites><testsuite name="s"><testcase name="a"/><testcase name="b"><failure');
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      ["a"],
    );
    assert.match(report.problems[0] ?? "", /^it is not well-formed XML: /);
  });

  it("never have their entities expanded", () => {
    const bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite name="s"><testcase name="&b;"/></testsuite>';
    assert.deepEqual(parseJunit(bomb), { cases: [], problems: ["it declares a document type (entities are refused)"] });
    const file = '<testsuite name="s"><testcase name="&file;"/></testsuite>';
    assert.match(parseJunit(file).problems[0] ?? "", /undefined entity/);
  });

  it("that are no reports are said to be none", () => {
    assert.deepEqual(parseJunit("<html></html>").problems, ["it has no testsuite: this is not JUnit XML"]);
    assert.match(parseJunit("").problems[0] ?? "", /not well-formed/);
    assert.deepEqual(parseTap("hello\n").problems, ["it has no test line: this is not TAP"]);
  });

  it("have their depth, their number of cases and their texts limited", function () {
    this.timeout(60_000);
    assert.deepEqual(parseJunit("<testsuite>".repeat(100)).problems, ["its elements are nested deeper than 64"]);
    const many = parseJunit(`<testsuite>${'<testcase name="x"/>'.repeat(100_001)}</testsuite>`);
    assert.deepEqual([many.cases.length, many.problems], [100_000, ["it has more than 100000 test cases"]]);
    assert.equal(parseTap("ok\n".repeat(100_001)).cases.length, 100_000);
    const long = parseJunit(`<testsuite><testcase name="x"><failure>${"y".repeat(1_000_000)}</failure></testcase></testsuite>`);
    assert.equal(long.cases[0]?.detail?.length, 32_769);
  });

  it("in TAP are held against their plan, and a bail-out ends them", () => {
    assert.deepEqual(parseTap("1..3\nok 1\nok 2\n").problems, ["3 tests were planned, 2 came"]);
    assert.deepEqual(parseTap("ok 1\n").problems, ["it has no plan: it may have been cut off"]);
    const left = parseTap("1..9\nok 1 - a\nBail out! no database\nok 2 - b\n");
    assert.deepEqual([left.cases.length, left.problems], [1, ["the tests gave up: no database", "9 tests were planned, 1 came"]]);
  });

  it("in TAP count a subtest's own failure when nothing in it failed", () => {
    const report = parseTap("# Subtest: outer\n    ok 1 - inner\n    1..1\nnot ok 1 - outer\n1..1\n");
    assert.deepEqual(
      report.cases.map(({ suite, name, outcome }) => [suite, name, outcome]),
      [
        ["outer", "inner", "passed"],
        ["", "outer", "failed"],
      ],
    );
  });

  it("in TAP with a YAML bomb stay what they are", () => {
    const bomb = "not ok 1 - a\n  ---\n  a: &a [x]\n  error: [*a, *a]\n  ...\n1..1\n";
    assert.deepEqual(parseTap(bomb), { cases: [{ suite: "", name: "a", outcome: "failed" }], problems: [] });
  });

  it("name places in the workspace only", () => {
    const place = (detail: string) => placeOf({ suite: "", name: "", outcome: "failed", detail }, "/w", () => true);
    assert.deepEqual(place("at f (file:///w/src/a.ts:3:4)"), { path: "src/a.ts", line: 3 });
    assert.deepEqual(place('File "/w/a.py", line 7, in x'), { path: "a.py", line: 7 });
    assert.deepEqual(place("at /w/node_modules/x/y.js:1:1\nat src/b.c:9"), { path: "src/b.c", line: 9 });
    assert.equal(place("at /etc/passwd.x:1"), undefined);
    assert.equal(place("at ../../etc/x.y:1"), undefined);
  });

  it("are written as JUnit XML that is read back as it was", () => {
    const cases = [
      { suite: "s", name: 'a <"&', outcome: "passed", durationMs: 1500 },
      { suite: "s", name: "b\u001b[31m", outcome: "failed", message: "no", detail: "two\nlines", path: "x.js", line: 3 },
      { suite: "s", name: "c", outcome: "skipped" },
    ] as const;
    const report = parseJunit(junitText([{ name: "t", durationMs: 2000, cases }]));
    assert.deepEqual(report.problems, []);
    assert.deepEqual(report.cases, [
      { suite: "s", name: 'a <"&', outcome: "passed", durationMs: 1500 },
      { suite: "s", name: "b\ufffd[31m", outcome: "failed", message: "no", detail: "two\nlines", file: "x.js", line: 3 },
      { suite: "s", name: "c", outcome: "skipped" },
    ]);
  });
});
