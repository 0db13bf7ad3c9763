import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { styleFor } from "../../../src/cli/style.ts";
import { displayWidth, fields, table } from "../../../src/cli/table.ts";
import { durationText, timeText } from "../../../src/cli/times.ts";

const terminal = Object.assign(new PassThrough(), { isTTY: true });

describe("a table", () => {
  it("aligns columns by what they take on the screen", () => {
    const text = table(
      [{ title: "NAME" }, { title: "SIZE", align: "right" }, { title: "NOTE" }],
      [
        ["日本", "1", "x"],
        ["hello", "1000", "🦊"],
      ],
    );
    assert.equal(text, "NAME   SIZE  NOTE\n日本      1  x\nhello  1000  🦊\n");
  });

  it("is not torn by a cell with a line end or an escape", () => {
    assert.equal(table([{ title: "A" }, { title: "B" }], [["x\ny\u001b[2J", "z"]]), "A    B\nx y  z\n");
  });

  it("has colour on a terminal only, and not when NO_COLOR is set", () => {
    const rows = [[{ text: "up", colour: "green" as const }]];
    const painted = (environment: NodeJS.ProcessEnv, output = terminal): string =>
      table([{ title: "STATE" }], rows, styleFor(output, environment));
    assert.ok(painted({}).includes("\u001b[32mup\u001b[39m"));
    const plain = [painted({ NO_COLOR: "1" }), painted({ TERM: "dumb" }), painted({}, Object.assign(new PassThrough(), { isTTY: false }))];
    for (const text of plain) assert.equal(text, "STATE\nup\n");
  });

  it("counts combining marks as nothing", () => {
    assert.equal(displayWidth("e\u0301"), 1);
    assert.equal(displayWidth("日本"), 4);
  });
});

describe("a card", () => {
  it("leaves out what is empty and indents further lines", () => {
    assert.equal(
      fields([
        ["a", "1\n2"],
        ["longer", "3"],
        ["none", undefined],
        ["empty", ""],
      ]),
      "  a       1\n          2\n  longer  3\n",
    );
  });
});

describe("times", () => {
  it("are given in their two largest units", () => {
    assert.deepEqual([0.4, 42, 192, 3600, 18_120, 273_600].map(durationText), ["0 s", "42 s", "3 min 12 s", "1 h", "5 h 2 min", "3 d 4 h"]);
  });

  it("are given in UTC", () => {
    assert.equal(timeText("2026-11-23T11:00:00.123Z"), "2026-11-23 11:00:00 UTC");
    assert.equal(timeText("yesterday"), "yesterday");
  });
});
