import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { starterMachine } from "../support/home.ts";
import { bootCd } from "../support/media.ts";
import { type EditorWorld, editorWorld, until } from "./support/index.ts";
import { notifications } from "./support/notifications.ts";
import { machineIs, openSidebar, rowsAre, threeEnters } from "./support/sidebar.ts";

/** Where VS Code can stand: in no folder, in one that is not trusted, in one that is on no disk. */
describe("a window", function () {
  this.timeout(120_000);
  let world: EditorWorld | undefined;
  const dispose = async () => {
    await world?.dispose();
    world = undefined;
  };

  /** Brings the Machines view beside the Explorer, so that one can be dragged to the other. */
  async function besideTheExplorer({ vscode }: EditorWorld): Promise<Locator> {
    await vscode.execute("vscode.moveViews", { viewIds: ["vivarium.machines"], destinationId: "workbench.view.explorer" });
    await vscode.execute("workbench.view.explorer");
    const pane = vscode.page.locator(".pane").filter({ has: vscode.page.locator(".pane-header[aria-label^='Machines']") });
    await pane.locator(".pane-body").waitFor();
    return pane.locator(".pane-body");
  }

  function file({ vscode }: EditorWorld, name: string): Locator {
    return vscode.page.locator(`.explorer-folders-view .monaco-list-row[aria-label^="${name}"]`).first();
  }

  async function says({ vscode }: EditorWorld, text: RegExp): Promise<string> {
    const found = await until(
      `the window says ${String(text)}`,
      () => notifications(vscode.page),
      (texts) => texts.some((one) => text.test(one)),
    );
    await vscode.execute("notifications.clearAll");
    return found.find((one) => text.test(one)) ?? "";
  }

  describe("without a workspace", () => {
    after(dispose);

    it("makes, starts and shows a machine", async () => {
      world = await editorWorld({ workspace: null });
      const { page } = world.vscode;
      await world.vscode.command("Vivarium: Create Machine…");
      await threeEnters(page);
      await world.vscode.webview(/^starter .*Console$/);
      await openSidebar(page);
      await machineIs(page, "starter", "running");
      await world.client.call("machine.kill", { machine: "starter" });
    });

    it("shows the walkthrough", async () => {
      assert.ok(world);
      const { vscode } = world;
      await vscode.execute("workbench.action.closeAllEditors");
      await vscode.execute("notifications.clearAll");
      await vscode.execute("workbench.action.closeSidebar");
      // In a narrower window VS Code leaves the pictures out.
      await vscode.page.setViewportSize({ width: 1500, height: 860 });
      await vscode.execute("vivarium.openWalkthrough");
      const steps = vscode.page.locator(".getting-started-step");
      await steps.first().waitFor();
      for (let step = 0; step < (await steps.count()); step += 1) {
        await steps.nth(step).click();
        // VS Code shows the picture in a page of its own.
        await until(
          "the picture is there",
          async () =>
            (
              await Promise.all(
                vscode.page.frames().map((frame) =>
                  frame
                    .locator("svg[viewBox='0 0 480 320']")
                    .count()
                    .catch(() => 0),
                ),
              )
            ).some(Boolean),
          (isThere) => isThere,
        );
        await vscode.screenshot(`walkthrough-${step + 1}`);
      }
    });
  });

  describe("on a folder that is not trusted", () => {
    let workspace = "";
    after(async () => {
      await dispose();
      await rm(workspace, { recursive: true, force: true });
    });

    it("lists and starts machines, which are the user's, and takes no program from the folder", async () => {
      workspace = await mkdtemp(join(tmpdir(), "vvw-"));
      const [evil, proof] = [join(workspace, "evil.sh"), join(workspace, "it-ran")];
      await writeFile(evil, `#!/bin/sh\ntouch ${proof}\n`, { mode: 0o755 });
      await mkdir(join(workspace, ".vscode"));
      const settings = { "vivarium.qemuPath": evil, "vivarium.home": join(workspace, "home") };
      await writeFile(join(workspace, ".vscode", "settings.json"), JSON.stringify(settings));
      await mkdir(join(workspace, ".vivarium"));
      await writeFile(join(workspace, ".vivarium", "welcome.json"), '{ "console": "web" }');
      world = await editorWorld({
        workspace,
        settings: { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never" },
      });
      const { vscode, client } = world;
      await vscode.page.locator(".statusbar").getByText("Restricted Mode").waitFor();
      await starterMachine(client, "web");
      await openSidebar(vscode.page);
      await machineIs(vscode.page, "web", "stopped");
      await vscode.execute("vivarium.start", "web");
      await machineIs(vscode.page, "web", "running");
      const { folder } = await client.call("machine.show", { machine: "web" });
      assert.ok(folder.startsWith(world.home.folder), folder);
      await assert.rejects(readFile(proof), { code: "ENOENT" });
      await vscode.screenshot("untrusted", ["dark"]);
    });
  });

  describe("with files that are not what they say", () => {
    let workspace = "";
    after(async () => {
      await dispose();
      await rm(workspace, { recursive: true, force: true });
    });

    it("refuses them in a sentence when they are dropped on the tree, and makes a machine of a real CD", async () => {
      workspace = await mkdtemp(join(tmpdir(), "vvw-"));
      await writeFile(join(workspace, "page.html"), "<html>");
      await writeFile(join(workspace, "wrong.iso"), "<html>404 Not Found</html>");
      await cp(await bootCd("x86_64"), join(workspace, "Boot CD.iso"));
      world = await editorWorld({ workspace });
      const machines = await besideTheExplorer(world);
      // An empty view shows its welcome text, which takes no drop.
      await starterMachine(world.client, "web");
      await machineIs(world.vscode.page, "web", "stopped");
      await file(world, "page.html").dragTo(machines);
      assert.match(await says(world, /page\.html/), /is no ISO and no disk image\. Drop an \.iso file/);
      await file(world, "wrong.iso").dragTo(machines);
      assert.match(await says(world, /wrong\.iso/), /is not an ISO image\. .*check its size/);
      assert.equal((await world.client.call("machine.list", {})).length, 1);
      await file(world, "Boot CD.iso").dragTo(machines);
      assert.match(await says(world, /Boot CD\.iso/), /boot-cd was made from Boot CD\.iso/);
      await rowsAre(world.vscode.page, "no machine", (rows) => rows.some((row) => row.startsWith("boot-cd, stopped")));
    });
  });

  describe("on a virtual workspace", () => {
    after(dispose);

    it("lists and starts machines, shows what the folder names, and takes no file that is on no disk", async () => {
      world = await editorWorld({ workspace: "memfs:/" });
      const { vscode, client } = world;
      const machines = await besideTheExplorer(world);
      await file(world, "readme.txt").waitFor();
      await starterMachine(client, "web");
      await machineIs(vscode.page, "web", "stopped");
      await vscode.execute("vivarium.start", "web");
      await machineIs(vscode.page, "web", "running");
      await file(world, "boot.iso").dragTo(machines);
      assert.match(await says(world, /boot\.iso/), /is not a file of the computer that runs the machines\. Save it there/);
      assert.equal((await client.call("machine.list", {})).length, 1);
      await vscode.screenshot("virtual-workspace", ["dark"]);
    });
  });
});
