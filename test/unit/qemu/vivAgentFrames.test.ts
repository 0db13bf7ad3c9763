import assert from "node:assert/strict";
import { byteQueue } from "../../../src/qemu/byteQueue.ts";
import { encodeHeader, type Frame, frameReader, frameTypes } from "../../../src/qemu/vivAgent/frames.ts";

const nonce = Buffer.alloc(16, 7);
const greeting = Buffer.concat([Buffer.from("VIVARIUM-GUEST\r\n"), nonce]);

/** The same numbers every time; `seed` tells a failure apart. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("a queue of bytes", () => {
  it("gives what came in other pieces, in order", () => {
    const queue = byteQueue();
    for (const text of ["ab", "", "cdef", "g"]) queue.push(Buffer.from(text));
    assert.equal(queue.bytes, 7);
    assert.deepEqual(
      [1, 0, 4, 2].map((count) => queue.take(count).toString()),
      ["a", "", "bcde", "fg"],
    );
    assert.equal(queue.bytes, 0);
    assert.throws(() => queue.take(1), RangeError);
  });
});

describe("viv-agent's frames, read", () => {
  const frames: Frame[] = [0, 1, 11, 12, 13, 32_756, 65_536].map((length, index) => ({
    type: frameTypes.data,
    channel: 1,
    stream: index + 1,
    payload: Buffer.alloc(length, index + 1),
  }));
  const bytes = Buffer.concat([
    Buffer.from("noise of a former host VIVARIUM-GUE"),
    greeting,
    ...frames.flatMap(({ stream, payload }) => [encodeHeader("data", stream, payload.length, 1), payload]),
  ]);

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`are the same however they are cut (seed ${seed})`, () => {
      const below = numbers(seed);
      const reader = frameReader(nonce);
      const got: Frame[] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = [1, 5, 40, 5000, 70_000][below(5)] ?? 1;
        got.push(...reader.take(bytes.subarray(at, at + length)));
        at += length;
      }
      assert.deepEqual(got, frames);
    });
  }

  it("never get past a wrong check, and noise never makes one", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const below = numbers(seed);
      const reader = frameReader(nonce);
      const mutated = Buffer.from(bytes.subarray(0, 4000));
      for (let flips = 1 + below(4); flips > 0; flips -= 1) mutated[below(mutated.length)] = below(256);
      let count = 0;
      try {
        for (const frame of reader.take(mutated)) {
          assert.ok(frame.payload.length <= 65_536);
          count += 1;
        }
      } catch (error) {
        assert.match((error as Error).message, /no frame/);
      }
      assert.ok(count <= frames.length);
    }
  });
});
