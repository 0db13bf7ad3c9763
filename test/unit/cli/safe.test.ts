import assert from "node:assert/strict";
import { safeBlock, safeJson, safeText } from "../../../src/cli/safe.ts";

describe("text for a terminal", () => {
  it("loses colours, titles, clipboard writes and cursor moves as a whole", () => {
    assert.equal(safeText("\u001b[31mred\u001b[0m"), "red");
    assert.equal(safeText("a\u001b]0;owned\u0007b\u001b]52;c;ZXZpbA==\u001b\\c"), "abc");
    assert.equal(safeText("a\u001b[2J\u001b[1;1Hb\u001bcc"), "abc");
    assert.equal(safeText("a\u009b31mb\u009d0;t\u009cc"), "abc");
  });

  it("loses what an unfinished sequence would swallow the next line with", () => {
    assert.equal(safeText("a\u001b]0;never ended"), "a");
    assert.equal(safeText("a\u001b[31"), "a31");
    assert.equal(safeText("a\u001b"), "a");
  });

  it("stays on one line and reads in one direction", () => {
    assert.equal(safeText("one\ntwo\r\nthree\tfour"), "one two three four");
    assert.equal(safeText("gnp\u202egpj.exe\u200b"), "gnpgpj.exe");
  });

  it("keeps letters of every script", () => {
    assert.equal(safeText("Grüße 日本語 🦊"), "Grüße 日本語 🦊");
  });

  it("keeps its lines as a block", () => {
    assert.equal(safeBlock("a\r\n\tb\u001b[1m\u0008c\rd"), "a\n\tbc\nd");
  });
});

describe("JSON for a terminal", () => {
  it("escapes what JSON.stringify leaves, and reads back the same", () => {
    const value = { text: "a\u009b31m\u202eb\u001b[0m\u007f\u2028" };
    const text = safeJson(value);
    for (const character of ["\u007f", "\u009b", "\u202e", "\u2028", "\u001b"]) assert.equal(text.includes(character), false);
    assert.deepEqual(JSON.parse(text), value);
  });
});
