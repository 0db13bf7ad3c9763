import assert from "node:assert/strict";
import { globMatcher } from "../../../src/machine/guestFiles/globs.ts";
import { parseList, parseStat } from "../../../src/machine/guestFiles/records.ts";

describe("what a guest says of its files", () => {
  const list = (text: string, limit = 100) => parseList(Buffer.from(text, "latin1"), limit);

  it("is read entry by entry, with names as bytes", () => {
    assert.deepEqual(list("f 0 1 2 a\0d 1 0 0 b c\0- 1 0 0 caf\xe9\n\0"), {
      entries: [
        { name: "a", type: "file", link: false },
        { name: "b c", type: "folder", link: true },
        { name: "caf\ufffdE9\ufffd0A", type: "none", link: true },
      ],
      more: false,
    });
  });

  it("leaves out names that are paths, none at all, told twice, and half a record", () => {
    const { entries } = list("f 0 1 2 ..\0f 0 1 2 .\0f 0 1 2 a/b\0f 0 1 2 \0f 0 1 2 a\0d 0 1 2 a\0rubbish\0f 0 1 2 cut");
    assert.deepEqual(
      entries.map(({ name, type }) => [name, type]),
      [["a", "folder"]],
    );
  });

  it("ends at the limit, whatever more is sent", () => {
    const endless = Array.from({ length: 1000 }, (_, index) => `f 0 1 2 n${index}\0`).join("");
    const { entries, more } = list(endless, 10);
    assert.equal(entries.length, 10);
    assert.equal(more, true);
  });

  it("forged sizes and times become none", () => {
    const stat = parseStat(Buffer.from("f 0 7777777 -5 99999999999999999999999999 abc 1 \0"));
    assert.deepEqual([stat.sizeBytes, stat.modifiedMs, stat.changedMs, stat.mode], [0, 0, 0, 0o7777]);
    assert.throws(() => parseStat(Buffer.from("x 0 1\0")), /none/);
    assert.throws(() => parseStat(Buffer.alloc(0)), /none/);
  });

  it("a link says where it leads", () => {
    assert.equal(parseStat(Buffer.from("d 1 755 0 0 0 1 ../x y\0")).target, "../x y");
  });
});

describe("what a watcher leaves out", () => {
  const cases: readonly (readonly [pattern: string, path: string, excluded: boolean])[] = [
    ["**/node_modules/**", "/w/a/node_modules/x/y.js", true],
    ["**/node_modules/**", "/w/node_modules.js", false],
    ["**/.git/objects/**", "/w/.git/objects/ab/cd", true],
    ["**/.git/objects/**", "/w/.git/index", false],
    ["*.log", "/w/a.log", true],
    ["*.log", "/w/deep/a.log", false],
    ["**/*.{log,tmp}", "/w/deep/a.tmp", true],
    ["/w/out", "/w/out/x", true],
    ["[!a]?", "/w/bc", true],
    ["[!a]?", "/w/ab", false],
    ["a(b", "/w/a(b/c", true],
    ["dist-1", "/w/dist-1", true],
  ];
  for (const [pattern, path, excluded] of cases) {
    it(`${pattern} ${excluded ? "means" : "does not mean"} ${path}`, () => assert.equal(globMatcher([pattern], "/w")(path), excluded));
  }
});
