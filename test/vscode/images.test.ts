import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { writeCatalog } from "../support/catalog.ts";
import { gptDisk, mbrDisk } from "../support/partitionedDisk.ts";
import { runTool } from "../support/tools.ts";
import { type Answer, type WebServer, webServer } from "../support/webServer.ts";
import { type EditorWorld, editorWorld, until, type Vscode } from "./support/index.ts";
import { machineRow, openSidebar, rowsAre } from "./support/sidebar.ts";

/** The Images view in a real VS Code, with a publisher's server on loopback: pull, verify, update, create, remove, and files of the Explorer. */
describe("the Images view", function () {
  this.timeout(180_000);
  let folder = "";
  let world: EditorWorld;
  let vscode: Vscode;
  let server: WebServer;
  let goOn: () => void = () => undefined;
  const answers: Record<string, Answer> = {};

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvm-"));
    await gptDisk(join(folder, "disk.raw"), "BOOTX64.EFI");
    const { exitCode, stderr } = await runTool(
      "qemu-img",
      ["convert", "-f", "raw", "-O", "qcow2", "-o", "preallocation=full", "disk.raw", "tiny.qcow2"],
      folder,
    );
    assert.equal(exitCode, 0, stderr);
    server = await webServer(answers);
    await publish(await readFile(join(folder, "tiny.qcow2")));
    await writeCatalog(join(folder, "catalog.json"), server.url, [{ name: "tiny:1", title: "Tiny 1", path: "/tiny.qcow2" }]);
    const workspace = join(folder, "w");
    await mkdir(workspace);
    await copyFile(join(folder, "tiny.qcow2"), join(workspace, "dropped.qcow2"));
    world = await editorWorld({
      workspace,
      settings: { "vivarium.openConsoleAfterCreate": false },
      machineSettings: { "vivarium.catalog": join(folder, "catalog.json") },
    });
    ({ vscode } = world);
    await openSidebar(vscode.page);
    await vscode.page.locator(".pane-header[aria-label^='Images']").click();
  });
  after(async () => {
    goOn();
    await world?.dispose();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The publisher's file and list; the second half of the file waits for `goOn`. */
  async function publish(file: Buffer): Promise<void> {
    answers["/SHA256SUMS"] = `${createHash("sha256").update(file).digest("hex")}  tiny.qcow2\n`;
    answers["/tiny.qcow2"] = (_request, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": file.length, etag: '"1"' });
      const parts = 16;
      const at = (part: number) => Math.floor((file.length / parts) * part);
      let sent = 0;
      const timer = setInterval(() => {
        if (sent < parts / 2) response.write(file.subarray(at(sent), at(++sent)));
      }, 100);
      goOn = () => {
        clearInterval(timer);
        response.end(file.subarray(at(sent)));
      };
    };
  }

  const row = (text: string): Locator => machineRow(vscode.page, text);
  const rows = (what: string, fits: (rows: string[]) => boolean) => rowsAre(vscode.page, what, fits);
  const toast = (text: string | RegExp) => vscode.page.locator(".notification-toast").filter({ hasText: text }).first();
  const choice = (text: string) => vscode.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first();

  async function fromMenu(image: string, entry: string): Promise<void> {
    await row(image).click({ button: "right" });
    await choose(entry);
  }

  /** A menu takes no click in the moment after it opened. */
  async function choose(entry: string): Promise<void> {
    await vscode.page.locator(".monaco-menu").getByText(entry, { exact: true }).hover();
    await vscode.page.keyboard.press("Enter");
  }

  it("pulls an image of the catalog, with progress, size and proof", async () => {
    await rows("the starter is not there", (found) => found.some((label) => label.startsWith("starter, ")));
    await vscode.command("Vivarium: Pull Image…");
    await choice("Tiny 1").waitFor();
    await vscode.screenshot("images-pull", ["dark", "light"]);
    await choice("Tiny 1").click();
    await toast(/Pulling tiny:1: downloading: (9|1\d)(\.\d)? MiB of 3\d(\.\d)? MiB/).waitFor();
    await vscode.screenshot("images-progress", ["dark"]);
    goOn();
    await toast("tiny:1 is here and checked.").waitFor();
    await vscode.execute("notifications.clearAll");
    await rows("the image has no row", (found) => found.some((label) => /^tiny:1, [\d.]+ MiB$/.test(label)));
  });

  it("verifies it", async () => {
    await fromMenu("tiny:1", "Verify Image…");
    await toast("tiny:1 is sound.").waitFor();
    await vscode.execute("notifications.clearAll");
  });

  it("marks it when its publisher has a newer one, and pulls that", async () => {
    await mbrDisk(join(folder, "mbr.raw"));
    await publish(await readFile(join(folder, "mbr.raw")));
    await vscode.command("Vivarium: Check for Newer Images");
    await rows("no mark", (found) => found.some((label) => label.startsWith("tiny:1, update available")));
    await toast("Newer: tiny:1").waitFor();
    await vscode.screenshot("images-newer", ["dark", "light", "contrast"]);
    await vscode.execute("notifications.clearAll");
    const before = (await world.client.call("image.list", {})).find(({ name }) => name === "tiny:1")?.sha256;
    const asked = server.asked.length;
    await fromMenu("tiny:1", "Pull Image…");
    await until(
      "the file is asked for",
      async () => server.asked.slice(asked),
      (paths) => paths.includes("/tiny.qcow2"),
    );
    await new Promise((soon) => setTimeout(soon, 100));
    goOn();
    await toast("tiny:1 is here and checked.").waitFor();
    await vscode.execute("notifications.clearAll");
    await rows("still marked", (found) => found.some((label) => /^tiny:1, [\d.]+ [KM]iB$/.test(label)));
    assert.notEqual((await world.client.call("image.list", {})).find(({ name }) => name === "tiny:1")?.sha256, before);
  });

  it("makes a machine of it, names it below the image, and does not remove what a machine needs", async () => {
    await row("tiny:1").hover();
    await row("tiny:1").locator('.actions a[aria-label^="Create Machine"]').click();
    const quickInput = vscode.page.locator(".quick-input-widget");
    await quickInput.getByText("(2/3)").waitFor();
    await vscode.page.keyboard.press("Enter");
    await quickInput.getByText("(3/3)").waitFor();
    await vscode.screenshot("create-image-name", ["dark"]);
    await quickInput.locator('[aria-label^="Create Without Starting"]').click();
    await rows("no machine", (found) => found.some((label) => /^tiny-1, stopped/.test(label)));
    await rows("the image is used by nobody", (found) => found.some((label) => /^tiny:1, .*1 machine$/.test(label)));
    await row("tiny:1").click();
    await rows("its machine is not below it", (found) => found.filter((label) => label.startsWith("tiny-1")).length === 2);
    await vscode.screenshot("images-used", ["dark"]);
    await fromMenu("tiny:1", "Remove Image…");
    await vscode.page.locator(".monaco-dialog-box").getByText("Remove", { exact: true }).click();
    await toast(/tiny-1/).waitFor();
    await vscode.execute("notifications.clearAll");
    await world.client.call("machine.remove", { machine: "tiny-1" });
    await world.client.call("machine.emptyTrash", {});
    await rows("the image is still used", (found) => found.some((label) => /^tiny:1, [\d.]+ [KM]iB$/.test(label)));
    // Its own row is gone, and the view with fewer rows comes to rest.
    await rows("the machine is still below it", (found) => !found.some((label) => label.startsWith("tiny-1")));
    await fromMenu("tiny:1", "Remove Image…");
    await vscode.page.locator(".monaco-dialog-box").getByText("Remove", { exact: true }).click();
    await toast(/tiny:1 was removed; .* freed\./).waitFor();
    await rows("the image is still there", (found) => !found.some((label) => label.startsWith("tiny:1")));
    await vscode.execute("notifications.clearAll");
  });

  it("lists in quick create what can be fetched, fetches it and makes the machine", async () => {
    const asked = server.asked.length;
    await vscode.command("Vivarium: Create Machine…");
    await choice("Tiny 1").waitFor();
    await vscode.screenshot("create-catalog", ["dark", "light"]);
    await choice("Tiny 1").click();
    const quickInput = vscode.page.locator(".quick-input-widget");
    await quickInput.getByText("(2/3)").waitFor();
    await vscode.page.keyboard.press("Enter");
    await quickInput.getByText("(3/3)").waitFor();
    await quickInput.locator('[aria-label^="Create Without Starting"]').click();
    await until(
      "the file is asked for",
      async () => server.asked.slice(asked),
      (paths) => paths.includes("/tiny.qcow2"),
    );
    await new Promise((soon) => setTimeout(soon, 100));
    goOn();
    await rows("no machine", (found) => found.some((label) => /^tiny-1, stopped/.test(label)));
    assert.equal((await world.client.call("machine.show", { machine: "tiny-1" })).image, "tiny:1");
  });

  it("a disk image of the Explorer becomes a machine by its menu, and by a drop on the Machines view", async () => {
    await vscode.execute("workbench.view.explorer");
    const file = vscode.page.locator(`.explorer-folders-view .monaco-list-row[aria-label^="dropped.qcow2"]`).first();
    await file.click({ button: "right" });
    await vscode.screenshot("images-explorer-menu", ["dark"]);
    await choose("Import Machine…");
    await vscode.page.locator(".quick-input-widget").waitFor();
    await vscode.page.keyboard.press("Enter");
    const names = async () => (await world.client.call("machine.list", {})).map(({ name }) => name);
    await until("the menu makes a machine", names, (all) => all.includes("dropped"));
    await vscode.execute("vscode.moveViews", { viewIds: ["vivarium.machines"], destinationId: "workbench.view.explorer" });
    await vscode.execute("workbench.view.explorer");
    const pane = vscode.page.locator(".pane").filter({ has: vscode.page.locator(".pane-header[aria-label^='Machines']") });
    await pane.locator(".pane-body").waitFor();
    await file.dragTo(pane.locator(".pane-body"));
    await until("the drop makes a machine", names, (all) => all.includes("dropped-2"));
  });
});
