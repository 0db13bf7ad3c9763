import assert from "node:assert/strict";
import { parseLcov } from "../../../src/testvm/results/index.ts";

describe("what ran, as LCOV", () => {
  const there = (path: string) => path === "src/a.js" || path === "src/b c.js";
  const read = (...lines: string[]) => parseLcov(lines.join("\n"), "/workspace", there);

  it("is of the workspace's files, absolute or relative", () => {
    const files = read(
      "TN:",
      "SF:src/a.js",
      "FN:1,main",
      "FNDA:2,main",
      "BRDA:2,0,0,1",
      "BRDA:2,0,1,-",
      "DA:1,2",
      "DA:2,0",
      "end_of_record",
      "SF:/workspace/src/b c.js",
      "DA:3,7",
      "end_of_record",
    );
    assert.deepEqual(files, [
      {
        path: "src/a.js",
        lines: [
          { line: 1, hits: 2 },
          { line: 2, hits: 0 },
        ],
        branches: [
          { line: 2, hits: 1 },
          { line: 2, hits: 0 },
        ],
        functions: [{ line: 1, hits: 2, name: "main" }],
      },
      { path: "src/b c.js", lines: [{ line: 3, hits: 7 }], branches: [], functions: [] },
    ]);
  });

  it("is not of what lies outside or is not there", () => {
    assert.deepEqual(read("SF:/etc/passwd", "DA:1,1", "end_of_record"), []);
    assert.deepEqual(read("SF:../outside.js", "DA:1,1", "end_of_record"), []);
    assert.deepEqual(read("SF:src/gone.js", "DA:1,1", "end_of_record"), []);
  });

  it("has no line or count that cannot be", () => {
    const [file] = read("SF:src/a.js", "DA:0,1", "DA:-4,1", "DA:2,-1", "DA:5,5", "end_of_record");
    assert.deepEqual(file?.lines, [{ line: 5, hits: 5 }]);
  });

  it("that is something else is no report, or says so", () => {
    for (const text of ["<html>", "{}", "\u0000\u0001", "SF:"]) {
      let files: unknown[] = [];
      try {
        files = parseLcov(text, "/workspace", there);
      } catch (error) {
        assert.ok(error instanceof Error);
      }
      assert.deepEqual(files, [], text);
    }
  });
});
