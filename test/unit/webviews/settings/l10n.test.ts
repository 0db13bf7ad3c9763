import assert from "node:assert/strict";
import { fields, sections } from "../../../../src/webviews/settings/fields.ts";
import { l10n } from "../../../../src/webviews/ui/l10n.ts";

describe("texts of the form", () => {
  afterEach(() => l10n.use(undefined));

  it("are English until a translation comes, with arguments in their places", () => {
    assert.equal(l10n.t("{0} of {1}", 1, "two"), "1 of two");
    l10n.use({ "{0} of {1}": "{1}: {0}" });
    assert.equal(l10n.t("{0} of {1}", 1, "two"), "two: 1");
  });

  it("take an argument as it is, braces and all", () => {
    assert.equal(l10n.t("{0}", "{1}<b>$&"), "{1}<b>$&");
  });

  it("are written in the table for every section and field", () => {
    for (const { title } of sections) assert.match(title, /^[A-Z]/);
    for (const { path, label } of fields) assert.match(label, /^[A-Z]/, path);
  });
});
