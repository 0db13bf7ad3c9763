import assert from "node:assert/strict";
import type { SnapshotList } from "../../../../src/api/index.ts";
import { presentId } from "../../../../src/webviews/snapshots/messages.ts";
import { comparisonOf, snapshotsState, type Words } from "../../../../src/webviews/snapshots/view.ts";
import { snapshot, snapshotList } from "../../cli/support/storage.ts";

const words: Words = {
  bytes: (count) => `${Math.round(count / 1024 ** 2)} MiB`,
  age: () => "a while ago",
  time: (time) => time,
  plain: (text, maximum = 200) => text.replace(/\p{Cc}/gu, " ").slice(0, maximum),
};

function stateOf(list: SnapshotList | undefined, more: Partial<Parameters<typeof snapshotsState>[1]> = {}) {
  const machine = { id: "id-of-hello", name: "hello" };
  return snapshotsState(
    1,
    { machine, live: true, whole: true, stateWord: "running", operationWord: undefined, problem: undefined, list, ...more },
    words,
  );
}

describe("what the Snapshots page shows", () => {
  it("has every snapshot that is not removed, and the present below the one it grew from", () => {
    const { rows, lanes, summary, removed, removedFrees } = stateOf(snapshotList());
    assert.deepEqual(
      rows.map(({ name, graph }) => [name, graph.lane]),
      [
        ["base", 0],
        ["trial", 1],
        ["work", 0],
        ["Now", 0],
      ],
    );
    assert.equal(rows.at(-1)?.id, presentId);
    assert.equal(rows.at(-1)?.parent, "id-of-work");
    assert.equal(lanes, 2);
    assert.equal(summary, "running · 3 snapshots · 192 MiB");
    assert.deepEqual([removed.map(({ name }) => name), removedFrees], [["old"], "64 MiB"]);
  });

  it("shows the present alone before the first snapshot", () => {
    const { rows } = stateOf(snapshotList({ snapshots: [], current: null }));
    assert.deepEqual(
      rows.map(({ id, size }) => [id, size]),
      [[presentId, ""]],
    );
  });

  it("says why memory cannot be kept only while something runs", () => {
    const list = snapshotList({ memoryBlocked: ["a disk is shared"] });
    assert.deepEqual(stateOf(list).blocked, ["a disk is shared"]);
    assert.deepEqual(stateOf(list, { live: false }).blocked, []);
  });

  it("keeps the present's line when its snapshot was removed by hand", () => {
    const { rows } = stateOf(snapshotList({ current: "nobody" }));
    assert.equal(rows.at(-1)?.parent, null);
  });

  it("has nothing but the problem when the list cannot be had", () => {
    const state = stateOf(undefined, { problem: { message: "snapshots.json cannot be read." } });
    assert.deepEqual([state.rows, state.problem?.message], [[], "snapshots.json cannot be read."]);
  });

  it("lays out a hundred within a frame", () => {
    const snapshots = Array.from({ length: 100 }, (_, index) =>
      snapshot(`s${index}`, { parent: index === 0 ? null : `id-of-s${Math.floor(index / 2)}` }),
    );
    const before = performance.now();
    assert.equal(stateOf(snapshotList({ snapshots, current: "id-of-s50" })).rows.length, 101);
    assert.ok(performance.now() - before < 50);
  });
});

describe("a comparison", () => {
  it("has the differences as words and the space as parts of one bar", () => {
    const compared = comparisonOf(
      { definition: [{ path: "memory", left: "512M", right: undefined }], leftBytes: 1024 ** 2, rightBytes: 0, sharedBytes: 3 * 1024 ** 2 },
      "base",
      "Now",
      words,
    );
    assert.deepEqual(compared.differences, [{ path: "memory", left: "512M", right: "–" }]);
    assert.deepEqual(
      compared.space.map(({ label, size, share }) => [label, size, share]),
      [
        ["only in base", "1 MiB", 0.25],
        ["in both", "3 MiB", 0.75],
        ["only in Now", "0 MiB", 0],
      ],
    );
  });
});
