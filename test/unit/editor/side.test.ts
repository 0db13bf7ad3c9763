import assert from "node:assert/strict";
import { stub } from "./support/load.ts";
import { editorWith, FakeService } from "./support/service.ts";

const { otherSide, saySide } = await import("../../../src/editor/side.ts");

describe("a window on another computer", () => {
  const env = stub.env as { remoteName: string | undefined };
  const extensions = stub.extensions as { getExtension: () => unknown };
  const asInstalled = (remoteName: string | undefined, extensionKind: number) => {
    env.remoteName = remoteName;
    extensions.getExtension = () => ({ extensionKind });
  };
  afterEach(() => {
    env.remoteName = undefined;
    extensions.getExtension = () => undefined;
    stub.reset();
  });

  it("is the other side only where the extension runs on the person's own", () => {
    asInstalled("ssh-remote", stub.ExtensionKind.UI);
    assert.equal(otherSide(), "ssh-remote");
    asInstalled("ssh-remote", stub.ExtensionKind.Workspace);
    assert.equal(otherSide(), undefined);
    asInstalled(undefined, stub.ExtensionKind.UI);
    assert.equal(otherSide(), undefined);
  });

  it("is said once for each kind of remote, and never where the files are", async () => {
    const editor = await editorWith(new FakeService([]));
    asInstalled("ssh-remote", stub.ExtensionKind.UI);
    saySide(editor);
    saySide(editor);
    asInstalled("wsl", stub.ExtensionKind.UI);
    saySide(editor);
    asInstalled("ssh-remote", stub.ExtensionKind.Workspace);
    saySide(editor);
    const said = stub.shown.filter(({ kind }) => kind === "information").map(({ text }) => /not on ([\w-]+):/.exec(text)?.[1]);
    assert.deepEqual(said, ["ssh-remote", "wsl"]);
  });
});
