import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSparse } from "../../../src/backends/sparse.ts";

describe("a file made sparse", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-sparse-"));
  });
  after(() => rm(folder, { recursive: true }));

  for (const [what, content] of [
    ["firmware with padding behind it", Buffer.concat([Buffer.alloc(200_001, 7), Buffer.alloc(8 << 20)])],
    ["something in the middle", Buffer.concat([Buffer.alloc(4 << 20), Buffer.from("here"), Buffer.alloc(4 << 20)])],
    ["the last byte alone", Buffer.concat([Buffer.alloc((8 << 20) + 12_345), Buffer.from("x")])],
    ["nothing but zeros", Buffer.alloc(1 << 20)],
  ] as const) {
    it(`has the same content and takes less: ${what}`, async () => {
      const file = join(folder, "file");
      await writeFile(file, content);
      await makeSparse(file);
      assert.ok((await readFile(file)).equals(content));
      assert.ok((await stat(file)).blocks * 512 < content.length / 2);
      assert.deepEqual(await readdir(folder), ["file"]);
    });
  }

  it("is left alone when it is mostly full", async () => {
    const file = join(folder, "file");
    await writeFile(file, Buffer.alloc(1 << 20, 1));
    const { ino } = await stat(file);
    await makeSparse(file);
    assert.equal((await stat(file)).ino, ino);
  });
});
