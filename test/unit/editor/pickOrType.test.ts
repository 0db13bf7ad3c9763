import assert from "node:assert/strict";
import "./support/load.ts";

const { acceptedValue } = await import("../../../src/commands/pickOrType.ts");

describe("a question that takes a choice or what is typed", () => {
  it("takes what was typed when Enter came before the list knew of it", () => {
    assert.equal(acceptedValue("96M", { label: "1G" }), "96M");
    assert.equal(acceptedValue("96M", undefined), "96M");
  });

  it("takes the row that stands in front and fits what was typed", () => {
    assert.equal(acceptedValue("5", { label: "50G" }), "50G");
    assert.equal(acceptedValue("copy", { label: "Copy of an Image File…", value: "file" }), "file");
    assert.equal(acceptedValue("", { label: "1G" }), "1G");
    assert.equal(acceptedValue("", undefined), undefined);
  });
});
