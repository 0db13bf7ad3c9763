import assert from "node:assert/strict";
import { keyCombination, keyLayoutNames, textKeys } from "../../../src/qemu/index.ts";
import { keyLayouts, rowKeys } from "../../../src/qemu/keyLayouts.ts";

const typed = (text: string, layout: string) =>
  textKeys(text, layout)
    .map(({ keys }) => keys.join("+"))
    .join(" ");

describe("key combinations", () => {
  const good: Record<string, string> = {
    "ctrl-alt-delete": "ctrl+alt+delete",
    "Ctrl+Alt+F2": "ctrl+alt+f2",
    "meta-r": "meta_l+r",
    enter: "ret",
    "shift-tab": "shift+tab",
    "alt-minus": "alt+minus",
    "ctrl-ctrl-c": "ctrl+c",
  };
  for (const [text, keys] of Object.entries(good)) {
    it(`reads ${text}`, () => assert.equal(keyCombination(text).keys.join("+"), keys));
  }

  it("names what is near an unknown key", () => {
    assert.throws(
      () => keyCombination("ctrl-alt-delte"),
      (error: { code?: string; message?: string; hint?: string }) =>
        error.code === "usage" && /“delte”/.test(error.message ?? "") && /Did you mean .*delete/.test(error.hint ?? ""),
    );
  });

  for (const text of ["", "-", "ctrl-", "ctrl--c", "f13", "ctrl alt", "__proto__", "constructor", "ctrl\nquit"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => keyCombination(text), { code: "usage" }));
  }
});

describe("typing text", () => {
  for (const [name, { levels }] of Object.entries(keyLayouts)) {
    it(`${name} has as many characters in each row as keys`, () => {
      for (const rows of levels)
        assert.deepEqual(
          rows.map((row) => [...row].length),
          rowKeys.map((keys) => keys.length),
        );
    });

    it(`${name} can type every printable ASCII character, each its own way`, () => {
      const characters = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));
      // Spanish, Italian, Portuguese and Japanese keyboards have them all too, some behind a dead key.
      const ways = new Set(characters.map((character) => typed(character, name)));
      assert.equal(ways.size, characters.length);
    });
  }

  it("presses what the layout asks for", () => {
    assert.equal(typed("Az\n", "en-us"), "shift+a z ret");
    assert.equal(typed("Az@", "de"), "shift+a y alt_r+q");
    assert.equal(typed("aq1", "fr"), "q a shift+1");
    assert.equal(typed("ñ¿", "es"), "semicolon shift+equal");
    assert.equal(typed("{}", "it"), "shift+alt_r+bracket_left shift+alt_r+bracket_right");
    assert.equal(typed("/?", "pt-br"), "ro shift+ro");
  });

  it("uses dead keys", () => {
    assert.equal(typed("ê^", "de"), "grave_accent e grave_accent spc");
    assert.equal(typed("ÄÂ", "fr"), "shift+bracket_left shift+q bracket_left shift+q");
    assert.equal(typed("ã", "pt-br"), "apostrophe a");
    assert.equal(typed("e\u0301", "es"), "apostrophe e");
  });

  it("says which character is missing", () => {
    assert.throws(() => textKeys("a€b", "en-us"), { code: "usage", message: /"€" is not on a en-us keyboard/ });
    assert.throws(() => textKeys("a", "klingon"), { code: "usage" });
    assert.throws(() => textKeys("a", "constructor"), { code: "usage" });
    assert.ok(keyLayoutNames.includes("en-gb"));
  });

  it("takes every line end for one Enter", () => assert.equal(typed("\r\n\r\n", "en-us"), "ret ret"));
});
