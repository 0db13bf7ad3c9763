import assert from "node:assert/strict";
import { starterMachine } from "../support/home.ts";
import { equalPixels } from "./support/guestScreen.ts";
import { type EditorWorld, editorWorld, runInHost, until } from "./support/index.ts";

/** The oldest VS Code that `engines` names: the extension loads, draws a guest and carries its serial line there. */
describe("on the oldest supported VS Code", function () {
  this.timeout(150_000);
  let world: EditorWorld;

  before(async () => {
    world = await editorWorld({ editor: "floor" });
    await starterMachine(world.client, "old", { start: true, set: ["display.type=virtio"] });
  });
  after(async () => {
    await world?.dispose();
  });

  it("is what engines names", () => assert.match(world.vscode.version, /^1\.105\./));

  it("shows the guest's screen in the console", async () => {
    await world.vscode.execute("vivarium.openConsole", { machine: "old" });
    const frame = await world.vscode.webview(/^old .*Console$/);
    await until(
      "pixels",
      () => equalPixels(world.client, "old", frame),
      (part) => part >= 0.99,
    );
    await world.vscode.screenshot("console-floor", ["dark"]);
  });

  it("opens the serial console as a terminal", async () => {
    await world.vscode.execute("vivarium.openSerialConsole", { machine: "old" });
    const rows = world.vscode.page.locator(".terminal-wrapper.active .xterm-rows > div");
    await until(
      "the terminal shows the guest's prompt",
      async () => (await rows.allInnerTexts()).join("\n"),
      (text) => text.includes("root@old:"),
    );
  });
});

runInHost("the extension host of the oldest supported VS Code", { suite: "test/vscode/host/window.ts", editor: "floor" });
