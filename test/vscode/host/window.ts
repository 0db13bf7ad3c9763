import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";

describe("the window", () => {
  it("is a real VS Code with the extension that was installed from a VSIX", async () => {
    assert.match(vscode.version, /^1\.\d+\.\d+$/);
    const extension = vscode.extensions.getExtension("vivarium.vivarium");
    assert.ok(extension, "vivarium.vivarium is not known to this VS Code");
    // Only VS Code's own installer writes this file.
    assert.match(await readFile(join(extension.extensionPath, ".vsixmanifest"), "utf8"), /Id="vivarium"/);
  });
});
