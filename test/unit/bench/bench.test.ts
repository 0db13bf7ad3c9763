import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandText } from "../../../src/qemu/index.ts";
import { figure, ratio } from "../../bench/figure.ts";
import { drifts } from "../../bench/ratios.ts";
import { commandOf } from "../../bench/rawQemu.ts";
import { met, notesOf, report } from "../../bench/report.ts";
import { summary } from "../../bench/samples.ts";

describe("the bench's arithmetic", () => {
  it("takes the median, also of an even number of runs", () => {
    assert.deepEqual(summary([3, 1, 2]), { median: 2, min: 1, max: 3, runs: 3 });
    assert.equal(summary([4, 1, 2, 3]).median, 2.5);
    assert.throws(() => summary([]));
  });

  it("compares pair by pair, so that a slow minute is in both", () => {
    assert.equal(ratio([110, 1100, 12], [100, 1000, 10]), 1.1);
  });

  it("calls more than a quarter worse a drift, better never", () => {
    assert.deepEqual(drifts({ a: 1, b: 2, c: 1 }, { a: 1.24, b: 0.5, c: 1 }), []);
    assert.deepEqual(drifts({ a: 2 }, { a: 2.6 }), ["a: 2.6 instead of 2 (30 % worse)"]);
    assert.equal(drifts({}, { a: 1 }).length, 1);
  });

  it("says which targets are met, and keeps the notes of results.md", () => {
    const missed = figure("x", "X", [3], "by hand", { limit: 2 });
    assert.equal(met(missed), false);
    assert.equal(met(figure("y", "Y", [3], "by hand")), undefined);
    const results = { starting: { at: new Date(0).toISOString(), load: [0, 1] as const, figures: [missed] } };
    const text = report(results, { qemu: "10", vivarium: "1", libvirt: undefined }, "\nWhere the time goes.\n");
    assert.match(text, /## starting\n\n1970-01-01 00:00 UTC, load average before and after: 0\.0, 1\.0\./);
    assert.match(text, /\| X \| 3 ms \(3–3, n=1\) \| ≤ 2 ms \| \*\*no\*\* \| by hand \|/);
    assert.equal(notesOf(text).trim(), "Where the time goes.");
  });

  it("reads back the command that a machine was started with", async () => {
    const folder = await mkdtemp(join(tmpdir(), "viv-"));
    try {
      const args = ["-S", "-append", "a b 'c' \"d\"", "-m", "size=1M"];
      await writeFile(join(folder, "command.txt"), commandText(["/opt/it's/ld.so", "--argv0", "qemu"], args));
      assert.deepEqual((await commandOf(folder)).words, ["/opt/it's/ld.so", "--argv0", "qemu", ...args]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
