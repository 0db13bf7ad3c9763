import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { holdImages, lockFile, lockImages, passLocks, unlockImages } from "../../../src/machine/disks/locks.ts";
import type { ProcessIdentity } from "../../../src/model/index.ts";

/** The platform and its process table are injected: this runs the same everywhere. */
describe("locks of images, where QEMU has none", () => {
  const self: ProcessIdentity = { pid: 100, startTime: "a" };
  const other: ProcessIdentity = { pid: 200, startTime: "b" };
  let folder: string;
  let image: string;
  let second: string;
  let living: ProcessIdentity[];
  const host = (platform = "darwin") => ({
    platform,
    isAlive: async (process: ProcessIdentity) =>
      living.some(({ pid, startTime }) => pid === process.pid && startTime === process.startTime),
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-locks-"));
    image = join(folder, "disk0.qcow2");
    second = join(folder, "disk1.qcow2");
    living = [self, other];
  });
  afterEach(() => rm(folder, { recursive: true }));

  const held = async () => (await readdir(folder)).sort();

  it("are taken once, and again by the same process", async () => {
    for (const platform of ["darwin", "win32"]) {
      await lockImages(host(platform), [image, second, image], self);
      await lockImages(host(platform), [image], self);
      assert.deepEqual(await held(), ["disk0.qcow2.lock", "disk1.qcow2.lock"]);
      await unlockImages(host(platform), [image, second], self);
      assert.deepEqual(await held(), []);
    }
  });

  it("are not taken on Linux, where QEMU locks", async () => {
    await lockImages(host("linux"), [image], self);
    await passLocks(host("linux"), [image], other);
    assert.deepEqual(await held(), []);
  });

  it("refuse another process while the holder lives, and take none of several", async () => {
    await lockImages(host(), [second], other);
    await assert.rejects(lockImages(host(), [image, second], self), { code: "locked", message: /process 200/, hint: /Stop the machine/ });
    assert.deepEqual(await held(), ["disk1.qcow2.lock"]);
  });

  it("of a process that is gone, or whose pid is another's now, are stale and taken over", async () => {
    await lockImages(host(), [image], other);
    living = [self, { pid: 200, startTime: "later" }];
    await lockImages(host(), [image], self);
    assert.deepEqual(JSON.parse(await readFile(lockFile(image), "utf8")), self);
  });

  it("that cannot be read are nobody's", async () => {
    await writeFile(lockFile(image), "half a li");
    await lockImages(host(), [image], self);
    assert.deepEqual(JSON.parse(await readFile(lockFile(image), "utf8")), self);
  });

  it("pass to the QEMU that was started, and are not given back by whoever passed them", async () => {
    await lockImages(host(), [image], self);
    await passLocks(host(), [image], other);
    await unlockImages(host(), [image], self);
    await assert.rejects(lockImages(host(), [image], self), { code: "locked" });
  });

  it("are given back when the work fails", async () => {
    await assert.rejects(
      holdImages(host(), [image], self, async () => {
        assert.deepEqual(await held(), ["disk0.qcow2.lock"]);
        throw new Error("no");
      }),
      /no/,
    );
    assert.deepEqual(await held(), []);
  });

  it("have one holder when many find the same stale one", async () => {
    await writeFile(lockFile(image), JSON.stringify({ pid: 1, startTime: "gone" }));
    const owners = Array.from({ length: 12 }, (_, index) => ({ pid: 1000 + index, startTime: "x" }));
    living = owners;
    const outcomes = await Promise.allSettled(owners.map((owner) => lockImages(host(), [image], owner)));
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    assert.deepEqual(await held(), ["disk0.qcow2.lock"]);
  });
});
