import assert from "node:assert/strict";
import { cpio } from "../../../guest/build/cpio.ts";
import { add, addDirectory, addFile, addSymlink, type Tree } from "../../../guest/build/tree.ts";

describe("cpio", () => {
  const tree = (): Tree => {
    const made: Tree = new Map();
    addFile(made, "/b/file", "hello", 0o755);
    addSymlink(made, "/a", "b/file");
    addDirectory(made, "/tmp", 0o1777);
    add(made, "/dev/console", { type: "character", mode: 0o600, major: 5, minor: 1 });
    return made;
  };

  it("writes newc entries, sorted, each part on a boundary of four bytes, with a trailer", () => {
    const entries = parse(cpio(tree(), 1000));
    assert.deepEqual(
      entries.map(({ name, mode, data }) => [name, mode.toString(8), data]),
      [
        ["a", "120777", "b/file"],
        ["b", "40755", ""],
        ["b/file", "100755", "hello"],
        ["dev", "40755", ""],
        ["dev/console", "20600", ""],
        ["tmp", "41777", ""],
        ["TRAILER!!!", "0", ""],
      ],
    );
    assert.deepEqual(entries.find(({ name }) => name === "dev/console")?.device, [5, 1]);
    assert.ok(entries.every(({ owner }) => owner === "0:0"));
  });

  it("gives equal bytes for equal trees, whatever order they were filled in", () => {
    const reversed: Tree = new Map([...tree()].reverse());
    assert.deepEqual(cpio(reversed, 1000), cpio(tree(), 1000));
  });

  it("refuses paths that are not plain, and a file as a parent", () => {
    for (const path of ["relative", "/with space", '/quo"te', "/", "/a//b"]) assert.throws(() => addFile(new Map(), path, ""));
    const made = tree();
    assert.throws(() => addFile(made, "/b/file/below", ""), /not a directory/);
  });
});

function parse(archive: Buffer) {
  const entries: { name: string; mode: number; owner: string; device: number[]; data: string }[] = [];
  let at = 0;
  const align = (position: number) => (position + 3) & ~3;
  while (at < archive.length) {
    assert.equal(archive.toString("latin1", at, at + 6), "070701");
    const field = (index: number) => Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, uid, gid, size, nameSize] = [field(1), field(2), field(3), field(6), field(11)];
    const name = archive.toString("latin1", at + 110, at + 110 + nameSize - 1);
    const start = align(at + 110 + nameSize);
    const data = archive.toString("latin1", start, start + size);
    entries.push({ name, mode, owner: `${uid}:${gid}`, device: [field(9), field(10)], data });
    at = align(start + size);
  }
  return entries;
}
