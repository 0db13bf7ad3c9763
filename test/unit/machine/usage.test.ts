import assert from "node:assert/strict";
import { readStats } from "../../../src/machine/usage.ts";

const unknownFigure = 2 ** 64 - 1;
const stats = (changes: Record<string, unknown> = {}, lastUpdate = 1000) => ({
  "last-update": lastUpdate,
  stats: { "stat-total-memory": 512, "stat-available-memory": 400, "stat-free-memory": 300, "stat-swap-in": unknownFigure, ...changes },
});

describe("the guest's own figures of its memory", () => {
  it("are total and available", () => {
    assert.deepEqual(readStats(stats(), 1_000_500), { totalBytes: 512, availableBytes: 400 });
  });

  it("fall back to what is free with a driver that knows no more", () => {
    assert.deepEqual(readStats(stats({ "stat-available-memory": unknownFigure }), 1_000_500), { totalBytes: 512, availableBytes: 300 });
  });

  it("are none before the driver has answered, or when that was long ago", () => {
    assert.equal(readStats(stats({}, 0), 1_000_500), null);
    assert.equal(readStats(stats(), 1_020_000), null);
  });

  it("are none when the guest tells nonsense", () => {
    assert.equal(readStats(stats({ "stat-total-memory": unknownFigure }), 1_000_500), null);
    assert.equal(readStats(stats({ "stat-available-memory": 513 }), 1_000_500), null);
    assert.equal(readStats({ stats: "none" }, 1_000_500), null);
  });
});
