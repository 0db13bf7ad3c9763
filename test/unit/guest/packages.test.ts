import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGES, parseLock, resolvePackages } from "../../../guest/build/packages.ts";
import type { AptRoot, DebianPackage } from "../../../scripts/apt/index.ts";

const hash = (letter: string) => letter.repeat(64);

describe("packages.lock.json", () => {
  it("is read strictly", () => {
    const entry = { name: "busybox-static", version: "1:1.37", sha256: hash("a") };
    const lock = parseLock(JSON.stringify({ suite: "trixie", packages: { x86_64: [entry] } }));
    assert.deepEqual(lock.packages.x86_64, [entry]);
    assert.equal(lock.packages.aarch64, undefined);
    for (const bad of ["[]", '{"suite":"trixie"}', '{"suite":"trixie","packages":{"x86_64":{}}}']) assert.throws(() => parseLock(bad));
    const short = { suite: "trixie", packages: { x86_64: [{ ...entry, sha256: "ab" }] } };
    assert.throws(() => parseLock(JSON.stringify(short)), /SHA-256/);
  });
});

describe("resolving packages", () => {
  let folder: string;
  let lockFile: string;
  const lines: string[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-"));
    lockFile = join(folder, "lock.json");
    lines.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const resolve = (apt: AptRoot, refresh = false) =>
    resolvePackages({ apt, architecture: "x86_64", lockFile, refresh, log: (line) => lines.push(line) });

  it("writes the lock the first time and follows the kernel's meta package", async () => {
    const resolved = await resolve(mirror("1"));
    assert.equal(resolved.length, PACKAGES.length + 1);
    assert.deepEqual(
      resolved.filter(({ kernel }) => kernel).map(({ name }) => name),
      ["linux-image-6.12.1-amd64"],
    );
    assert.equal(parseLock(await readFile(lockFile, "utf8")).packages.x86_64?.length, resolved.length);
  });

  it("keeps to the lock while the mirror has those versions", async () => {
    await resolve(mirror("1"));
    const before = await readFile(lockFile, "utf8");
    const resolved = await resolve(mirror("2", ["1", "2"]));
    assert.ok(resolved.every(({ version }) => version === "1"));
    assert.equal(await readFile(lockFile, "utf8"), before);
  });

  it("says so, takes the current version and rewrites the lock when a pinned one is gone", async () => {
    await resolve(mirror("1"));
    const resolved = await resolve(mirror("2"));
    assert.ok(resolved.every(({ version }) => version === "2"));
    assert.match(lines[0] ?? "", /^busybox-static 1 \(x86_64\) is not on the mirror any more/);
    assert.ok(parseLock(await readFile(lockFile, "utf8")).packages.x86_64?.every(({ version }) => version === "2"));
  });

  it("does not take another file under the pinned version", async () => {
    await resolve(mirror("1"));
    const text = await readFile(lockFile, "utf8");
    await writeFile(lockFile, text.replace(hash("1"), hash("e")));
    await resolve(mirror("1"));
    assert.equal(lines.length, 1);
    assert.equal(await readFile(lockFile, "utf8"), text);
  });
});

/** A mirror whose current versions are `current`, and which still has those of `available`. */
function mirror(current: string, available: readonly string[] = [current]): AptRoot {
  const found = (name: string, version: string): DebianPackage => ({
    name,
    version,
    architecture: "amd64",
    sha256: hash(version),
    fields: new Map(name === "linux-image-amd64" ? [["depends", "linux-image-6.12.1-amd64 (= 1)"]] : []),
  });
  return {
    update: () => Promise.resolve(),
    cached: () => Promise.resolve(undefined),
    find: (name, _architecture, version = current) => Promise.resolve(available.includes(version) ? found(name, version) : undefined),
    download: ({ name }) => Promise.resolve(`${name}.deb`),
  };
}
