import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goldenCases, goldenFolder, goldenText, platforms } from "./commandLine.ts";

/** Rewrite them with UPDATE_GOLDEN=1 and read the difference: it is what changes in every machine. */
const update = process.env["UPDATE_GOLDEN"] === "1";

describe("golden command lines", () => {
  const cases = goldenCases();

  it("are at least sixty definitions on each kind of host", () => {
    assert.ok(cases.length >= 60);
  });

  for (const goldenCase of cases) {
    for (const platform of platforms) {
      it(`${goldenCase.name} on ${platform}`, () => {
        const file = join(goldenFolder, goldenCase.name, `${platform}.txt`);
        const text = goldenText(goldenCase, platform);
        if (update) writeFileSync(file, text);
        assert.ok(existsSync(file), `${file} is missing; write it with UPDATE_GOLDEN=1`);
        assert.equal(text, readFileSync(file, "utf8"));
      });
    }
  }
});
