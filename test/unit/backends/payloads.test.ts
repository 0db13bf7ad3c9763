import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { payloadModule } from "../../../guest/probe/build.ts";
import { payload, stepReached } from "../../../src/backends/payload.ts";

describe("the probe's guests", () => {
  it("are what the sources in guest/probe assemble to", async () => {
    const committed = await readFile(join(import.meta.dirname, "../../../src/backends/payloads.ts"), "utf8");
    assert.equal(committed, await payloadModule());
  });

  it("for x86_64 is a firmware image of 64 KiB that ends with a jump at the reset vector", () => {
    const image = payload("x86_64");
    assert.equal(image.length, 65_536);
    assert.equal(image[0xfff0], 0xe9);
  });

  it("tell how far they came: the step after the last mark is where it stopped", () => {
    assert.equal(stepReached("x86_64", ""), undefined);
    assert.equal(stepReached("x86_64", "12"), "cmpxchg16b");
    assert.equal(stepReached("x86_64", "1234567L"), "the timed loop");
    assert.equal(stepReached("aarch64", "1"), "paging");
  });
});
