import assert from "node:assert/strict";
import type { ImageInspection } from "../../../../src/api/index.ts";
import { imageState, segmentsOf, type Words } from "../../../../src/webviews/image/view.ts";

const mib = 1024 ** 2;
const words: Words = {
  bytes: (count) => `${Math.round(count / mib)} MiB`,
  time: (time) => time,
  plain: (text, maximum = 200) => text.replace(/\p{Cc}/gu, " ").slice(0, maximum),
};

const partition = (number: number, start: number, size: number) => ({
  number,
  type: "Linux",
  startByte: start * mib,
  bytes: size * mib,
  bootable: false,
});

function inspection(changes: Partial<ImageInspection> = {}): ImageInspection {
  return {
    file: "/images/debian.qcow2",
    format: "qcow2",
    virtualBytes: 1000 * mib,
    allocatedBytes: 250 * mib,
    chain: [{ file: "/images/debian.qcow2", format: "qcow2" }],
    snapshots: [],
    partitions: [],
    facts: [{ name: "Clusters", value: "64 KiB" }],
    ...changes,
  };
}

const place = { file: "debian.qcow2", folder: "/images" };

describe("what the page of an image shows", () => {
  it("fills a bar with what takes space here", () => {
    const state = imageState(inspection(), place, words);
    assert.deepEqual(state.filled, { share: 0.25, allocated: "250 MiB", virtual: "1000 MiB" });
    assert.deepEqual(state.actions, ["import", "convert", "check"]);
  });

  it("offers nothing for what is refused or unknown, and only a machine for a CD", () => {
    assert.deepEqual(imageState(inspection({ refused: "its backing file is elsewhere" }), place, words).actions, []);
    assert.deepEqual(imageState(inspection({ format: null, virtualBytes: null }), place, words).actions, []);
    assert.deepEqual(imageState(inspection({ format: "iso" }), place, words).actions, ["import"]);
  });

  it("keeps labels that somebody made one line of text", () => {
    const state = imageState(inspection({ facts: [{ name: "Label\u0000", value: "<img src=x>\nmore" }] }), place, words);
    assert.deepEqual(state.facts, [{ name: "Label ", value: "<img src=x> more" }]);
  });
});

describe("the bar of partitions", () => {
  it("has partitions in the order they lie, and what is unused between them", () => {
    const segments = segmentsOf([partition(2, 500, 300), partition(1, 1, 499)], 1000 * mib, words);
    assert.deepEqual(
      segments.map(({ number, share }) => [number, share]),
      [
        [1, 0.499],
        [2, 0.3],
        [undefined, 0.2],
      ],
    );
  });

  it("never has more than the disk, whatever the table says", () => {
    const absurd = [partition(1, 0, 9_000_000), partition(2, 10, 20), partition(3, 5_000_000, 1), { ...partition(4, 0, 1), bytes: -5 }];
    const segments = segmentsOf(absurd, 1000 * mib, words);
    assert.ok(segments.every(({ share }) => share >= 0 && share <= 1));
    assert.equal(
      segments.reduce((sum, { share }) => sum + share, 0),
      1,
    );
  });
});
