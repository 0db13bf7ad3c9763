import assert from "node:assert/strict";
import { discardsSafely } from "../../../src/qemu/index.ts";

describe("zero detection", () => {
  for (const version of ["10.0.13", "10.0.14", "11.1.0", "11.2.0", "12.0.0"])
    it(`is on with QEMU ${version}`, () => assert.equal(discardsSafely(version), true));
  for (const version of ["7.2.22", "9.2.0", "10.0.12", "10.0", "10.1.5", "10.2.2", "11.0.2", "", "lost"])
    it(`is off with QEMU ${version || "nobody knows"}`, () => assert.equal(discardsSafely(version), false));
});
