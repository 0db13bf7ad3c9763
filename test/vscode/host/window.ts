import assert from "node:assert/strict";
import * as vscode from "vscode";

describe("the window", () => {
  it("is a real VS Code with the extension of this checkout", () => {
    assert.match(vscode.version, /^1\.\d+\.\d+$/);
    assert.ok(vscode.extensions.getExtension("vivarium.vivarium"), "vivarium.vivarium is not known to this VS Code");
  });
});
