import assert from "node:assert/strict";
import { guestBase, guestFolder, parsePlace } from "../../../src/copy/index.ts";

describe("places of a copy", () => {
  const rows: readonly (readonly [word: string, expected: unknown])[] = [
    ["file", { kind: "host", path: "file" }],
    ["./a:b", { kind: "host", path: "./a:b" }],
    ["/x/a:b", { kind: "host", path: "/x/a:b" }],
    [":/x", { kind: "host", path: ":/x" }],
    ["box:/", { kind: "guest", machine: "box", path: "/" }],
    ["box:/a b/ü:c", { kind: "guest", machine: "box", path: "/a b/ü:c" }],
  ];
  for (const [word, expected] of rows) it(JSON.stringify(word), () => assert.deepEqual(parsePlace(word), expected));

  for (const word of ["Box:/x", "a_b:/x", "box:x", "box:", "box:/a\0b"])
    it(`refuses ${JSON.stringify(word)}`, () => assert.throws(() => parsePlace(word), { code: "usage" }));

  it("takes a guest's path apart", () => {
    assert.deepEqual([guestBase("/a/b/"), guestFolder("/a/b/")], ["b", "/a"]);
    assert.deepEqual([guestBase("/"), guestFolder("/")], ["", "/"]);
    assert.deepEqual([guestBase("/a"), guestFolder("/a")], ["a", "/"]);
  });
});
