import assert from "node:assert/strict";
import { lineReader } from "../../../src/qemu/lines.ts";

function reader(limit: number, ends?: number[]) {
  const lines: string[] = [];
  const read = lineReader({
    ...(ends === undefined ? {} : { ends }),
    limitBytes: () => limit,
    onLine: (line) => lines.push(line.toString("utf8")),
    onOverflow: () => lines.push("(overflow)"),
  });
  return { lines, push: (text: string) => read.push(Buffer.from(text, "latin1")), reset: read.reset };
}

describe("line reader", () => {
  it("puts lines together, whatever the pieces", () => {
    const { lines, push } = reader(100);
    for (const piece of ["a", "b\r", "\nc\n\n\r\nd", "e\nf"]) push(piece);
    assert.deepEqual(lines, ["ab", "c", "de"]);
  });

  it("reports a line beyond the limit once, skips its rest, and reads on", () => {
    const { lines, push } = reader(4);
    for (const piece of ["abc", "def", "ghi", "j\nok\n", "12345\n1234\n"]) push(piece);
    assert.deepEqual(lines, ["(overflow)", "ok", "(overflow)", "1234"]);
  });

  it("knows other line ends", () => {
    const { lines, push } = reader(100, [0x0a, 0xff]);
    push("stale\u00ffnew\nx");
    assert.deepEqual(lines, ["stale", "new"]);
  });

  it("forgets an unfinished line on reset", () => {
    const { lines, push, reset } = reader(100);
    push("half");
    reset();
    push("whole\n");
    assert.deepEqual(lines, ["whole"]);
  });
});
