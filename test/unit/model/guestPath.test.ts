import assert from "node:assert/strict";
import { guestPath, guestPathBytes, guestPathText } from "../../../src/model/index.ts";

describe("paths of a guest", () => {
  const names: readonly (readonly [what: string, bytes: Buffer, text: string])[] = [
    ["plain text", Buffer.from("notes.txt"), "notes.txt"],
    ["other alphabets and pictures", Buffer.from("Žluťoučký 北 👩‍👩‍👧.md"), "Žluťoučký 北 👩‍👩‍👧.md"],
    ["a byte of Latin-1", Buffer.from("caf\xe9.txt", "latin1"), "caf\ufffdE9.txt"],
    ["a newline", Buffer.from("two\nlines"), "two\ufffd0Alines"],
    ["a direction mark that turns the name round", Buffer.from("exe\u202egpj.sh"), "exe\ufffdE2\ufffd80\ufffdAEgpj.sh"],
    ["the escape mark itself", Buffer.from("a\ufffdb"), "a\ufffdEF\ufffdBF\ufffdBDb"],
    ["half a character at the end", Buffer.from([0x61, 0xe2, 0x82]), "a\ufffdE2\ufffd82"],
    ["a half of a pair, encoded", Buffer.from([0xed, 0xa0, 0x80]), "\ufffdED\ufffdA0\ufffd80"],
    ["a backslash and a per cent sign", Buffer.from("dev\\x2d%41"), "dev\\x2d%41"],
  ];
  for (const [what, bytes, text] of names) {
    it(`shows ${what} and finds it again`, () => {
      assert.equal(guestPathText(bytes), text);
      assert.deepEqual(guestPathBytes(text), bytes);
    });
  }

  it("gives each of many random names a form of its own, which a URI can carry", () => {
    let seed = 1;
    for (let round = 0; round < 3000; round += 1) {
      const bytes = Buffer.alloc(1 + (round % 9));
      for (let at = 0; at < bytes.length; at += 1) {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
        bytes[at] = seed >> 16;
      }
      const text = guestPathText(bytes);
      assert.deepEqual(guestPathBytes(text), bytes);
      assert.equal(decodeURIComponent(encodeURIComponent(text)), text);
    }
  });

  it("makes a path normal, and never leaves the root", () => {
    assert.equal(guestPath("//a/./b//../c/"), "/a/c");
    assert.equal(guestPath("/../../etc/passwd"), "/etc/passwd");
    assert.equal(guestPath("/"), "/");
  });

  const refused: readonly (readonly [what: string, path: string, why: RegExp])[] = [
    ["a relative path", "etc/passwd", /must be absolute/],
    ["a zero byte", "/a\0b", /escapes what needs no escape|zero byte/],
    ["an escaped zero byte", "/a\ufffd00b", /zero byte/],
    ["an escaped slash", "/a\ufffd2Fb", /needs no escape/],
    ["escaped dots", "/a/\ufffd2E\ufffd2E/b", /needs no escape/],
    ["a mark without digits", "/a\ufffdxy", /two hexadecimal digits/],
    ["half a character", "/a\ud800", /half a character/],
    ["more than any system takes", `/${"x".repeat(4096)}`, /longer than 4095 bytes/],
  ];
  for (const [what, path, why] of refused) it(`refuses ${what}`, () => assert.throws(() => guestPath(path), why));
});
