import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Frame } from "playwright-core";
import { debianMachine, morePackages } from "../support/debian.ts";
import { guest } from "../support/home.ts";
import { consoleOf } from "./support/consoleTab.ts";
import { type EditorWorld, editorWorld, until } from "./support/index.ts";

/** A desktop's worth: an X server, spice-vdagent with its daemon, and a program that copies and pastes. */

describe("the clipboard of a guest and of this computer", function () {
  this.timeout(600_000);
  let world: EditorWorld;
  let frame: Frame;

  before(async () => {
    world = await editorWorld();
    await debianMachine(world.client, "desk", {
      memory: "1G",
      set: ["display.type=virtio", "devices.clipboard=true"],
      packages: morePackages,
    });
    const sh = (script: string) => guest(world.client, "desk", "/bin/sh", "-c", script);
    await sh("systemctl stop spice-vdagentd.socket spice-vdagentd; mkdir -p /run/spice-vdagentd; rm -f /run/spice-vdagentd/*");
    await sh("setsid Xvfb :1 -screen 0 640x480x16 -nolisten tcp > /tmp/x.log 2>&1 &");
    await sh("for i in $(seq 100); do [ -S /tmp/.X11-unix/X1 ] && exit 0; sleep 0.2; done; cat /tmp/x.log; exit 1");
    await sh("setsid spice-vdagentd -x -X -f -d -s /dev/virtio-ports/com.redhat.spice.0 -u /dev/null > /tmp/daemon.log 2>&1 &");
    await sh(
      "for i in $(seq 50); do [ -S /run/spice-vdagentd/spice-vdagent-sock ] && exit 0; sleep 0.2; done; cat /tmp/daemon.log; exit 1",
    );
    await sh("DISPLAY=:1 setsid spice-vdagent -x -d > /tmp/agent.log 2>&1 &");
    await world.vscode.execute("vivarium.openConsole", { machine: "desk" });
    frame = await consoleOf(world.vscode, "desk");
  });
  after(() => world?.dispose());

  const copyHere = (text: string) => world.vscode.page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
  const pasteHere = () => world.vscode.page.evaluate("navigator.clipboard.readText()") as Promise<string>;
  const pasteThere = () =>
    guest(world.client, "desk", "/bin/sh", "-c", "DISPLAY=:1 timeout 5 xclip -selection clipboard -target UTF8_STRING -o 2>&1 || true");
  const copyThere = (text: string) =>
    guest(world.client, "desk", "/bin/sh", "-c", `printf %s '${text}' | DISPLAY=:1 setsid xclip -selection clipboard -i > /dev/null 2>&1`);

  it("brings what is copied here into the guest when its console gets the keyboard", async () => {
    const text = `here ${randomBytes(6).toString("hex")} ß €\nand a second line`;
    const { page } = world.vscode;
    await world.vscode.execute("workbench.action.files.newUntitledFile");
    await page.keyboard.insertText(text);
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Control+c");
    await until("it is copied", pasteHere, (copied) => copied === text);
    await world.vscode.execute("vivarium.openConsole", { machine: "desk" });
    frame = await consoleOf(world.vscode, "desk");
    // The guest's desktop may just be coming up: people turn to it again.
    const turnedTo = async () => {
      await page.keyboard.press("Control+Alt+g");
      await frame.locator("canvas").click();
      return pasteThere();
    };
    await until("the guest pastes it", turnedTo, (pasted) => pasted === text, 90_000);
  });

  it("brings what is copied in the guest here while its console is in use", async () => {
    const text = `there ${randomBytes(6).toString("hex")} ü`;
    await copyThere(text);
    await until("it can be pasted here", pasteHere, (pasted) => pasted === text, 60_000);
  });

  it("takes nothing from a guest whose console is not in use", async () => {
    await world.vscode.execute("workbench.action.files.newUntitledFile");
    await copyHere("mine");
    await copyThere("from the guest");
    await until("the guest has it", pasteThere, (pasted) => pasted === "from the guest", 60_000);
    await world.vscode.page.waitForTimeout(1000);
    assert.equal(await pasteHere(), "mine");
  });

  it("is why memory cannot be in a snapshot, in plain words", async () => {
    await assert.rejects(world.client.call("snapshot.create", { machine: "desk", name: "with-memory", memory: true }), {
      code: "host-cannot",
      message: /shared clipboard/,
    });
  });
});
