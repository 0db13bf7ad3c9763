import assert from "node:assert/strict";
import { addition, isRemovable, netbootAddition, shareAddition } from "../../../../src/webviews/settings/additions.ts";
import { readDefinition } from "../../../../src/webviews/settings/document.ts";
import { editText } from "../../../../src/webviews/settings/edits.ts";
import { sampleText } from "./support/sample.ts";

describe("what can be added to a definition", () => {
  it("is a netboot that is right at once", () => {
    const added = netbootAddition("networks.0.netboot", "/srv/tftp", "boot.ipxe");
    assert.deepEqual(added, {
      edit: { path: "networks.0.netboot", value: { directory: "/srv/tftp", file: "boot.ipxe" } },
      focus: "networks.0.netboot.directory",
    });
    const read = readDefinition(editText(sampleText, [added.edit]));
    assert.deepEqual(read.kind === "read" && read.problems, []);
    assert.ok(isRemovable("networks.0.netboot"));
  });

  it("is a shared folder with a name of its own, up to four", () => {
    const first = shareAddition({}, "/home/ada/My Project");
    assert.deepEqual(first, {
      edit: { path: "shares", value: [{ tag: "my-project", path: "/home/ada/My Project" }] },
      focus: "shares.0.mountPoint",
    });
    const second = shareAddition({ shares: [{ tag: "src", path: "/a/src" }] }, "C:\\Users\\Ada\\src\\");
    assert.deepEqual(second?.edit, { path: "shares.1", value: { tag: "src-2", path: "C:\\Users\\Ada\\src\\" } });
    const read = readDefinition(editText(sampleText, [first!.edit]));
    assert.deepEqual(read.kind === "read" && read.problems, []);
    assert.equal(shareAddition({ shares: [{}, {}, {}, {}] }, "/b"), undefined);
    assert.ok(isRemovable("shares.3"));
  });

  it("is no netboot of something that is no adapter, and no disk: vivd makes those", () => {
    assert.equal(netbootAddition("disks.0.netboot", "/srv", "x"), undefined);
    assert.equal(
      addition({ disks: [] }, "disks", () => ""),
      undefined,
    );
    assert.ok(!isRemovable("disks.0"));
  });
});
