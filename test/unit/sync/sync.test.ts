import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { unpack } from "../../../src/copy/index.ts";
import { archive } from "../../../src/sync/archive.ts";
import { Bell } from "../../../src/sync/bell.ts";
import { changesAgainst, changesSince } from "../../../src/sync/changes.ts";
import type { Entry, Tree } from "../../../src/sync/entry.ts";
import { Memories } from "../../../src/sync/memory.ts";
import { planPull } from "../../../src/sync/pullPlan.ts";
import { Rules } from "../../../src/sync/rules.ts";
import { makeParents, refusal } from "../../../src/sync/safePath.ts";
import { rescan, scan } from "../../../src/sync/scan.ts";

const file = (mtimeUs = 1, size = 1): Entry => ({ kind: "file", mode: 0o644, size, mtimeUs, ctimeUs: 0 });
const dir: Entry = { kind: "folder", mode: 0o755, size: 0, mtimeUs: 1, ctimeUs: 0 };
const link = (target: string): Entry => ({ kind: "link", mode: 0o777, size: 0, mtimeUs: 1, ctimeUs: 0, target });
const tree = (entries: Readonly<Record<string, Entry>>): Tree => new Map(Object.entries(entries));
const none: ReadonlySet<string> = new Set();

describe("sync: what changed", () => {
  it("sends what is new or other, and removes what is gone, deepest first", () => {
    const before = tree({ a: file(), b: file(), d: dir, "d/x": file(), "d/y": file() });
    const now = tree({ a: file(), b: file(2000), c: file() });
    assert.deepEqual(changesSince(before, now, none), { put: ["b", "c"], remove: ["d/y", "d/x", "d"] });
  });

  it("makes room where a thing became one of another kind", () => {
    const changes = changesSince(tree({ x: dir, "x/f": file() }), tree({ x: link("y") }), none);
    assert.deepEqual(changes, { put: ["x"], remove: ["x/f", "x"] });
  });

  it("does not take what could not be read for gone", () => {
    const before = tree({ d: dir, "d/x": file() });
    assert.deepEqual(changesSince(before, tree({ d: dir }), new Set(["d"])), { put: [], remove: [] });
  });

  it("removes in a guest only what came from here", () => {
    const guest = tree({ own: file(), ours: file(), kept: file() });
    assert.deepEqual(changesAgainst(guest, tree({ kept: file() }), ["ours", "kept", "long gone"], none), { put: [], remove: ["ours"] });
  });

  it("notices an edit that set the old time again", () => {
    const changes = changesSince(tree({ a: file() }), tree({ a: { ...file(), ctimeUs: 9 } }), none);
    assert.deepEqual(changes.put, ["a"]);
  });
});

describe("pull: who changed it", () => {
  const wanted = () => true;

  it("takes what changed there, keeps what changed here, and asks where both did", () => {
    const base = tree({ there: file(), here: file(), both: file(), gone: file(), edited: file() });
    const guest = tree({ there: file(5000), here: file(), both: file(5000), born: file() });
    const host = tree({ there: file(), here: file(7000), both: file(7000), gone: file(), edited: file(7000) });
    const plan = planPull({ guest, host, base, wanted });
    assert.deepEqual(plan, { take: ["born", "there"], both: ["both"], gone: ["gone"], leftOut: [] });
  });

  it("asks about every difference when nobody remembers", () => {
    const plan = planPull({ guest: tree({ a: file(5000), b: file() }), host: tree({ a: file() }), base: undefined, wanted });
    assert.deepEqual([plan.take, plan.both], [["b"], ["a"]]);
  });

  it("asks before it goes where this host has a link", () => {
    const plan = planPull({
      guest: tree({ l: dir, "l/f": file() }),
      host: tree({ l: link("/etc") }),
      base: tree({ l: link("/etc") }),
      wanted,
    });
    assert.deepEqual(plan.both, ["l/f"]);
    assert.deepEqual(plan.take, ["l"]);
  });

  for (const path of [".git/config", "a/.GIT/hooks/x", ".vscode/tasks.json", ".git./x", ".g\u200cit/x", "sub/.git", "GIT~1/config"])
    it(`refuses ${JSON.stringify(path)}`, () => assert.match(refusal(path) ?? "", /into \.git or \.vscode/));
  for (const path of [".gitignore", "git/x", ".github/x", "a.vscode"])
    it(`takes ${JSON.stringify(path)}`, () => assert.equal(refusal(path), undefined));
});

describe("sync: this host's files", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-unit-sync-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function files(entries: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, content] of Object.entries(entries)) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), content);
    }
  }

  it("leaves out by git's rules at each level, and .vivignore has the last word", async () => {
    await files({
      ".git/HEAD": "",
      ".git/info/exclude": "private\n",
      ".gitignore": "*.log\n/build/\n!wanted.log\n",
      ".vivignore": "back.log\n!keep.log\n",
      private: "",
      "a.log": "",
      "wanted.log": "",
      "back.log": "",
      "keep.log": "",
      "build/x": "",
      "sub/build/x": "",
      "sub/.gitignore": "only-here\n!a.log\n",
      "sub/only-here": "",
      "sub/a.log": "",
      "only-here": "",
      ".viv-pull-123/x": "",
    });
    const { tree: found } = await scan(folder, await Rules.of(folder, { exclude: ["wanted.log"] }));
    const names = [...found.keys()].filter((path) => found.get(path)?.kind === "file").sort();
    assert.deepEqual(names, [".gitignore", ".vivignore", "keep.log", "only-here", "sub/.gitignore", "sub/a.log", "sub/build/x"]);
    const below = await scan(join(folder, "sub"), await Rules.of(join(folder, "sub")));
    assert.deepEqual([...below.tree.keys()].sort(), [".gitignore", "a.log", "build", "build/x"]);
  });

  it("reads only what it is told to anew, and sees what was renamed", async () => {
    await files({ "a/b/c": "1", "a/d": "2", e: "3" });
    await symlink(".", join(folder, "loop"));
    const rules = await Rules.of(folder);
    const before = await scan(folder, rules);
    const { rename } = await import("node:fs/promises");
    await rename(join(folder, "a", "b"), join(folder, "a", "z"));
    await files({ e: "longer", "a/z/new/deep": "4" });
    const after = await rescan(folder, rules, before, ["a", "a/b"]);
    assert.deepEqual([...after.tree.keys()].sort(), ["a", "a/d", "a/z", "a/z/c", "a/z/new", "a/z/new/deep", "e", "loop"]);
    assert.equal(after.tree.get("e")?.size, 1);
    assert.equal(after.tree.get("loop")?.target, ".");
  });

  it("packs what tar reads: long and strange names, links, times, empty and large files", async () => {
    const long = `${"n".repeat(150)}/line é`;
    await files({ [long]: "deep", "new\nline": "", empty: "", large: "x".repeat(700_000), "d/f": "1" });
    await symlink(`../${"t".repeat(150)}`, join(folder, "link"));
    const { tree: found } = await scan(folder, await Rules.of(folder));
    const told: string[] = [];
    const target = join(folder, "..", `${folder.split("/").at(-1)}-out`);
    await mkdir(target);
    try {
      await unpack(Readable.from(archive(folder, [...found.keys()].sort(), found, (path) => told.push(path))), target);
      assert.deepEqual(told.sort(), [...found.keys()].sort());
      assert.equal(await readFile(join(target, long), "utf8"), "deep");
      assert.equal((await stat(join(target, "large"))).size, 700_000);
      const again = await scan(target, await Rules.of(target));
      assert.equal(again.tree.get("link")?.target, `../${"t".repeat(150)}`);
      assert.deepEqual([...again.tree.keys()].sort(), [...found.keys()].sort());
    } finally {
      await rm(target, { recursive: true });
    }
  });

  it("leaves out of the archive what went away, and does not read through a link that came", async () => {
    await files({ gone: "1", swapped: "2", stays: "3" });
    const { tree: found } = await scan(folder, await Rules.of(folder));
    await rm(join(folder, "gone"));
    await rm(join(folder, "swapped"));
    await symlink("/etc/passwd", join(folder, "swapped"));
    const told: [string, boolean][] = [];
    let bytes = 0;
    for await (const chunk of archive(folder, [...found.keys()].sort(), found, (path, entry) => told.push([path, entry !== undefined])))
      bytes += chunk.length;
    assert.deepEqual(told, [
      ["gone", false],
      ["stays", true],
      ["swapped", false],
    ]);
    assert.equal(bytes, 6 * 512);
  });

  it("goes through no link of this host", async () => {
    await symlink(tmpdir(), join(folder, "out"));
    await assert.rejects(makeParents(folder, "out/x", false), /is a link or file of this host/);
    await makeParents(folder, "out/x", true);
    assert.ok((await stat(join(folder, "out"))).isDirectory());
  });

  it("remembers a pair, and takes a damaged memory for none", async () => {
    const memories = new Memories(folder);
    const pair = { folder: "/a", machineId: "m-1", path: "/w" };
    const memory = { stamp: "s", tree: tree({ "x\ny": file(), l: link("t"), d: dir }), removed: ["z"] };
    await memories.write(pair, memory);
    assert.deepEqual(await memories.read(pair), memory);
    assert.deepEqual(await memories.others({ ...pair, machineId: "m-2" }), [memory]);
    const { readdir } = await import("node:fs/promises");
    const [name = ""] = await readdir(join(folder, "cache", "sync"));
    await writeFile(join(folder, "cache", "sync", name), '{"schema":1,"entries":[[1]]}');
    assert.equal(await memories.read(pair), undefined);
  });
});

describe("sync: the bell", () => {
  it("does not forget what rang before, and tells the end of a burst", async () => {
    const bell = new Bell(new AbortController().signal);
    bell.ring();
    await bell.wait();
    const timers = [5, 10, 15].map((ms) => setTimeout(() => bell.ring(), ms));
    const started = performance.now();
    await bell.silence(40, 5000);
    assert.ok(performance.now() - started >= 45);
    for (const timer of timers) clearTimeout(timer);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    await new Bell(stop.signal).wait();
  });
});
