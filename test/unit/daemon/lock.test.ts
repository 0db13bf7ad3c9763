import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processStartTime } from "../../../src/backends/index.ts";
import { takeLock } from "../../../src/daemon/lock.ts";

describe("the service's lock", () => {
  let folder: string;
  const self = async () => ({ pid: process.pid, startTime: (await processStartTime(process.pid)) ?? "" });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-lock-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is held by one, and free again after release", async () => {
    const release = await takeLock(folder, await self());
    assert.ok(release);
    assert.equal(await takeLock(folder, await self()), undefined);
    await release();
    assert.deepEqual(await readdir(folder), []);
  });
  it("of a process that is gone is taken over", async () => {
    await writeFile(join(folder, "vivd.lock"), JSON.stringify({ pid: process.pid, startTime: "another life" }));
    assert.ok(await takeLock(folder, await self()));
  });
  it("that holds nonsense is taken over", async () => {
    await writeFile(join(folder, "vivd.lock"), "");
    assert.ok(await takeLock(folder, await self()));
  });
  it("goes to exactly one of many who find it stale", async () => {
    await writeFile(join(folder, "vivd.lock"), JSON.stringify({ pid: 999_999_999, startTime: "x" }));
    const me = await self();
    const won = (await Promise.all(Array.from({ length: 20 }, () => takeLock(folder, me)))).filter((release) => release !== undefined);
    assert.equal(won.length, 1);
  });
});
