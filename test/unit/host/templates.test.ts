import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { requireRoom, roomForForks } from "../../../src/host/templates/capacity.ts";
import { forkNames } from "../../../src/host/templates/names.ts";

const gib = 1024 ** 3;

describe("room for forks", () => {
  it("is what memory is left, less what the host keeps", async () => {
    assert.equal(await roomForForks(tmpdir(), { memoryBytes: 0.5 * gib }), 0);
    assert.equal(await roomForForks(tmpdir(), { memoryBytes: 1.5 * gib }), 8);
  });

  it("is said before any is started", async () => {
    await requireRoom(tmpdir(), 8, { memoryBytes: 1.5 * gib });
    await assert.rejects(requireRoom(tmpdir(), 9, { memoryBytes: 1.5 * gib }), {
      code: "not-enough-memory",
      message: "There is room for 8 forks on this host, not for 9.",
      hint: "Ask for 8, or stop other machines.",
    });
    await assert.rejects(requireRoom(tmpdir(), 1, { memoryBytes: 0 }), { hint: "Stop other machines, or free some space on the disk." });
  });
});

describe("names of forks", () => {
  const library = (...names: string[]) => ({ has: (name: string) => names.includes(name) });

  it("are numbered past those that are taken, by machines or by requests in progress", () => {
    const first = forkNames("web", { count: 2 }, library("web-1", "web-3"));
    assert.deepEqual(first.all, ["web-2", "web-4"]);
    const second = forkNames("web", { count: 1 }, library("web-1", "web-3"));
    assert.deepEqual(second.all, ["web-5"]);
    first.release();
    assert.deepEqual(forkNames("web", { count: 1 }, library("web-1", "web-3")).all, ["web-2"]);
    second.release();
  });

  it("stay machine names, however long the template's is", () => {
    const { all, release } = forkNames("a".repeat(41), { count: 256 }, library());
    assert.ok(all.every((name) => /^[a-z][a-z0-9-]{0,40}$/.test(name)));
    release();
  });

  it("that were asked for are as many as the forks, different, and free", () => {
    assert.throws(() => forkNames("web", { count: 2, names: ["a"] }, library()), { code: "usage" });
    assert.throws(() => forkNames("web", { count: 2, names: ["a", "a"] }, library()), { code: "usage" });
    assert.throws(() => forkNames("web", { count: 1, names: ["a"] }, library("a")), { code: "exists" });
    assert.throws(() => forkNames("web", { count: 1, names: ["A b"] }, library()), { code: "invalid-name" });
  });
});
