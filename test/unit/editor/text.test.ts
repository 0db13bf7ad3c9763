import assert from "node:assert/strict";
import "./support/load.ts";

const { plain, escapeMarkdown, untrustedMarkdown } = await import("../../../src/editor/text.ts");

describe("text from guests and files", () => {
  it("is one line without control characters and direction marks", () => {
    assert.equal(plain("a\u001b[31mb\nc\u202ed"), "a [31mb c d");
  });

  it("draws no icons in labels", () => {
    assert.ok(!plain("$(trash) remove").includes("$("));
  });

  it("is cut where it would push everything else away", () => {
    assert.equal(plain("x".repeat(500)).length, 200);
  });

  it("stays text in markdown: no links, images, HTML, icons or tables", () => {
    const hostile = "[x](command:vivarium.kill) <img src=x onerror=alert(1)> ![i](http://e/x) | a | $(zap) `b` **c**";
    const escaped = escapeMarkdown(hostile);
    assert.doesNotMatch(escaped, /[[\]()<>|`*!]/);
    assert.ok(!escaped.includes("$("));
  });

  it("is in markdown that trusts nothing", () => {
    const markdown = untrustedMarkdown("x");
    assert.equal(markdown.isTrusted, false);
    assert.equal(markdown.supportHtml, false);
  });
});
