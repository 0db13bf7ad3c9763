import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { type IsoEntry, writeIso } from "../../../src/qemu/iso9660/index.ts";

const time = new Date("2026-03-01T12:34:56Z");
const entries: IsoEntry[] = [
  { path: "user-data", content: Buffer.from("#cloud-config\nhostname: web\n") },
  { path: "meta-data", content: Buffer.from("instance-id: 1\n") },
  { path: "empty", content: Buffer.alloc(0) },
  { path: "vivarium/viv-agent", content: Buffer.alloc(5000, 7), mode: 0o755 },
  { path: "vivarium/deep/Ünïcode name.conf", content: Buffer.from("x") },
  { path: "vivarium/deep/user-data-1", content: Buffer.from("1") },
  { path: "vivarium/deep/user-data-2", content: Buffer.from("2") },
  // More than one sector of records.
  ...Array.from({ length: 60 }, (_, index) => ({ path: `many/a file with a longer name ${index}.txt`, content: Buffer.from(`${index}`) })),
];

describe("an ISO of our own", () => {
  let folder: string;
  let file: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-iso-"));
    file = join(folder, "seed.iso");
    await writeFile(file, writeIso(entries, { label: "CIDATA", time, bytes: 1024 ** 2 }));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is the same for the same input, and as large as asked", async () => {
    const again = writeIso(entries, { label: "CIDATA", time, bytes: 1024 ** 2 });
    assert.ok(again.equals(await readFile(file)));
    assert.equal(again.length, 1024 ** 2);
  });

  it("gives xorriso every file with its content, its mode and its time", async () => {
    await execa("xorriso", ["-osirrox", "on", "-indev", file, "-extract", "/", join(folder, "out")]);
    for (const { path, content, mode } of entries) {
      const target = join(folder, "out", path);
      assert.ok(content.equals(await readFile(target)), path);
      const facts = await stat(target);
      assert.equal(facts.mode & 0o777, mode ?? 0o644, path);
      assert.equal(facts.mtime.toISOString(), time.toISOString(), path);
    }
    const { stderr } = await execa("xorriso", ["-indev", file, "-find", "/", "-type", "f"]);
    assert.match(stderr, /Volume id *: 'CIDATA'/);
    assert.doesNotMatch(stderr, /WARNING|FAILURE|SORRY/);
  });

  it("gives isoinfo the same names by Rock Ridge and by Joliet, and valid short ones", async () => {
    const wanted = entries.map(({ path }) => `/${path}`).sort();
    const list = async (...words: string[]) =>
      (await execa("isoinfo", ["-f", ...words, "-i", file], { encoding: "latin1" })).stdout.split("\n").filter((line) => line !== "");
    const folders = ["/many", "/vivarium", "/vivarium/deep"];
    assert.deepEqual((await list("-R")).map((name) => Buffer.from(name, "latin1").toString("utf8")).sort(), [...wanted, ...folders].sort());
    assert.deepEqual((await list("-J", "-j", "iso8859-1")).sort(), [...wanted, ...folders].sort());
    for (const name of await list()) assert.match(name, /^(\/[A-Z0-9_]{1,8})+(\.[A-Z0-9_]{0,3};1)?$/);
    const { stdout } = await execa("isoinfo", ["-d", "-i", file]);
    assert.match(stdout, /Volume id: CIDATA/);
    assert.match(stdout, /Joliet with UCS level 3 found/);
    assert.match(stdout, /Rock Ridge signatures version 1 found/);
  });

  it("is found by its label", async () => {
    const { stdout } = await execa("blkid", ["-p", "-o", "export", file]);
    assert.match(stdout, /^LABEL=CIDATA$/m);
    assert.match(stdout, /^TYPE=iso9660$/m);
  });

  it("refuses names that are none", () => {
    for (const path of ["", "a//b", "../a", "a/./b", "a\0b", "x".repeat(101)])
      assert.throws(() => writeIso([{ path, content: Buffer.alloc(0) }], { label: "X" }), /cannot be a file of an ISO/, path);
    const twice = { path: "a", content: Buffer.alloc(0) };
    assert.throws(() => writeIso([twice, twice], { label: "X" }), /twice/);
    assert.throws(() => writeIso([twice, { ...twice, path: "a/b" }], { label: "X" }), /file and a folder/);
  });
});
