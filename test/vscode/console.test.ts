import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { driversLoaded, guest, starterMachine } from "../support/home.ts";
import { consoleOf, consoleSays, showsTheScreen, typesIntoTheGuest } from "./support/consoleTab.ts";
import { type EditorWorld, editorWorld, until } from "./support/index.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe("the console in an editor tab", function () {
  this.timeout(120_000);
  let world: EditorWorld;
  let frame: Frame;

  before(async () => {
    world = await editorWorld();
    await starterMachine(world.client, "web", { start: true, set: ["display.type=virtio"] });
    await world.vscode.command("Vivarium: Open Console");
    await pick("web");
    frame = await connected();
  });
  after(async () => {
    await world?.dispose();
  });

  /** Chooses a machine in the quick pick of a command. */
  async function pick(name: string): Promise<void> {
    await world.vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().click();
  }

  const connected = (machine = "web") => consoleOf(world.vscode, machine);
  const shows = (text: RegExp) => consoleSays(world.vscode, "web", text);

  it("shows what the guest's screen shows: 99 % of the pixels", async () => {
    await showsTheScreen(world.client, "web", frame);
  });

  it("types into the guest", async () => {
    await typesIntoTheGuest(world.vscode, async () => world.client, "web", frame);
  });

  it("sends keys that the browser would keep, and gives the keyboard back with its host key", async () => {
    await frame.locator("canvas").click();
    await until(
      "the button names the host key",
      () => frame.locator("#keyboard").innerText(),
      (text) => /Ctrl\+Alt\+G/.test(text),
    );
    await world.vscode.page.keyboard.press("Control+Alt+g");
    assert.equal(await frame.locator("#keyboard").innerText(), "Use Keyboard");
    // Linux switches only to a terminal that somebody has opened.
    await guest(world.client, "web", "/bin/sh", "-c", "echo > /dev/tty2");
    await frame.locator("#keys").click();
    await frame.locator("#keys-menu [role=menuitem]", { hasText: "Ctrl+Alt+F2" }).click();
    const terminal = () => guest(world.client, "web", "/bin/sh", "-c", "cat /sys/class/tty/tty0/active");
    await until("the guest is on its second terminal", terminal, (text) => text === "tty2");
    await frame.locator("#keys").press("ArrowDown");
    await world.vscode.screenshot("console-keys", ["dark"]);
    await world.vscode.page.keyboard.press("Escape");
    assert.equal(await frame.locator("#keys-menu").isHidden(), true);
    await world.vscode.execute("vivarium.sendKeys", { machine: "web" }, "ctrl-alt-f1");
    await until("the guest is on its first terminal", terminal, (text) => text === "tty1");
  });

  it("types the clipboard's text", async () => {
    const token = randomBytes(6).toString("hex");
    await world.vscode.page.evaluate(`navigator.clipboard.writeText("echo ${token} > /tmp/clip\\n")`);
    await frame.locator("#type-clipboard").click();
    await until(
      "the guest has it",
      () => guest(world.client, "web", "/bin/cat", "/tmp/clip").catch(String),
      (text) => text === token,
      30_000,
    );
  });

  it("is looked at in every theme", async () => {
    await world.vscode.screenshot("console");
  });

  it("is whole at 200 % zoom", async () => {
    // To a page, a browser's zoom is a window of half the pixels.
    const { page } = world.vscode;
    await page.setViewportSize({ width: 640, height: 400 });
    await world.vscode.execute("workbench.action.closeSidebar");
    const outside = `[...document.querySelectorAll(".toolbar button:not([hidden]), .toolbar select")].filter((one) => {
      const { left, right, top, bottom, width } = one.getBoundingClientRect();
      return width > 0 && (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight);
    }).map(({ id }) => id)`;
    await until(
      "no control is cut off",
      () => frame.evaluate<string[]>(outside),
      (ids) => ids.length === 0,
    );
    const height = await frame.evaluate<number>("document.getElementById('screen').clientHeight");
    assert.ok(height >= 150, `${height} pixels are left for the screen`);
    await showsTheScreen(world.client, "web", frame);
    await world.vscode.screenshot("console-zoomed", ["dark"]);
    await page.setViewportSize({ width: 1280, height: 800 });
    await world.vscode.execute("workbench.action.toggleSidebarVisibility");
  });

  it("has no accessibility violation", async () => {
    await frame.evaluate(axeSource);
    const violations = await frame.evaluate<{ id: string; nodes: { html: string }[] }[]>(
      "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }).then((found) => found.violations)",
    );
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`),
      [],
    );
  });

  it("says that the machine is paused, and why, and resumes it", async () => {
    await world.client.call("machine.pause", { machine: "web" });
    assert.match(await shows(/Paused/), /Paused by you/);
    await world.vscode.screenshot("console-paused");
    await frame.locator("#overlay button", { hasText: "Resume" }).click();
    await until(
      "the machine runs",
      async () => (await world.client.call("machine.show", { machine: "web" })).state,
      (state) => state === "running",
    );
    await connected();
  });

  it("comes back after the window is reloaded", async () => {
    await world.vscode.reload();
    frame = await connected();
    await showsTheScreen(world.client, "web", frame);
  });

  it("comes back after its tab was hidden", async () => {
    await world.vscode.execute("workbench.action.files.newUntitledFile");
    await world.vscode.page.waitForTimeout(500);
    await world.vscode.execute("vivarium.openConsole", { machine: "web" });
    frame = await connected();
    await showsTheScreen(world.client, "web", frame);
  });

  it("stays while vivd is killed and comes back by itself", async () => {
    process.kill(await world.home.vivdPid(), "SIGKILL");
    const token = randomBytes(6).toString("hex");
    await frame.locator("canvas").click();
    await world.vscode.page.keyboard.type(`touch /tmp/${token}\n`, { delay: 15 });
    const client = await until(
      "vivd is back",
      () => world.home.client().catch(() => undefined),
      (found) => found !== undefined,
    );
    assert.ok(client);
    world = { ...world, client };
    await until(
      "the guest has it",
      () => guest(client, "web", "/bin/ls", "/tmp"),
      (names) => names.includes(token),
    );
    await client.call("machine.pause", { machine: "web" });
    await shows(/Paused/);
    await client.call("machine.resume", { machine: "web" });
    await connected();
  });

  it("shows two machines side by side", async () => {
    await starterMachine(world.client, "db", { start: true, set: ["display.type=virtio"] });
    await world.vscode.execute("workbench.action.splitEditorRight");
    await world.vscode.execute("vivarium.openConsole", { machine: "db" });
    await connected("db");
    await connected();
    await world.vscode.screenshot("console-two", ["dark"]);
    await world.client.call("machine.kill", { machine: "db" });
  });

  it("shows what others wrote as text and nothing else", async () => {
    const name = "<img src=x onerror=document.title=1>";
    await mkdir(world.home.machineFolder(name));
    await writeFile(join(world.home.machineFolder(name), "vm.json"), '{ "name": "<script>document.title=1</script>"');
    process.kill(await world.home.vivdPid(), "SIGKILL");
    // The extension's service first: it would replace an older one that this test started.
    await world.vscode.execute("vivarium.connectService");
    world = { ...world, client: await world.home.client() };
    const listed = async () => (await world.client.call("machine.list", {})).find((machine) => machine.name === name);
    const damaged = await until("the damaged folder is listed", listed, (machine) => machine !== undefined);
    await until(
      "the window knows it",
      () => world.vscode.execute("vivarium.openConsole", { machine: damaged?.id ?? name }),
      () => true,
    );
    const page = await world.vscode.webview(/^<img .*Console$/);
    await until(
      "it says damaged",
      () => page.locator("#overlay").innerText(),
      (text) => /Damaged/.test(text),
    );
    assert.equal(await page.locator("img, main script").count(), 0);
    await world.vscode.screenshot("console-damaged", ["dark"]);
    await world.vscode.execute("workbench.action.closeActiveEditor");
    await rm(world.home.machineFolder(name), { recursive: true });
  });

  it("says that QEMU died, and starts the machine again", async () => {
    const { pid } = await world.client.call("machine.show", { machine: "web" });
    process.kill(pid ?? 0, "SIGKILL");
    assert.match(await shows(/Failed/), /Start/);
    await world.vscode.screenshot("console-failed");
    frame = await world.vscode.webview(/^web .*Console$/);
    await frame.locator("#overlay button", { hasText: "Start" }).click();
    frame = await connected();
    await world.client.call("machine.wait", { machine: "web", for: "agent", timeoutMs: 120_000 });
  });

  it("lets go of a key that was held while the guest took up its devices", async () => {
    await world.client.call("machine.reset", { machine: "web" });
    frame = await connected();
    await frame.locator("canvas").click();
    await world.vscode.page.keyboard.down("Control");
    await world.client.call("machine.wait", { machine: "web", for: "agent", timeoutMs: 120_000 });
    await driversLoaded(world.client, "web");
    await world.vscode.page.keyboard.up("Control");
    await typesIntoTheGuest(world.vscode, async () => world.client, "web", frame);
  });

  it("says that it does not respond when QEMU hangs, and goes on with it", async () => {
    const pid = (await world.client.call("machine.show", { machine: "web" })).pid ?? 0;
    process.kill(pid, "SIGSTOP");
    try {
      assert.match(await shows(/Not responding/), /Kill/);
      await world.vscode.screenshot("console-not-responding");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    frame = await connected();
    await typesIntoTheGuest(world.vscode, async () => world.client, "web", frame);
  });

  it("resizes the guest to the tab, and scales again", async () => {
    const mode = () => guest(world.client, "web", "/bin/sh", "-c", "head -n 1 /sys/class/drm/card0-Virtual-1/modes");
    const before = await mode();
    await frame.locator("#fit").selectOption("resize");
    const area = await frame.evaluate<{ width: number; height: number }>(
      "(({ width, height }) => ({ width, height }))(document.getElementById('screen').getBoundingClientRect())",
    );
    const asked = await until("the guest is told of the tab's size", mode, (now) => now !== before);
    const [width, height] = asked.split("x").map(Number);
    assert.ok(
      Math.abs((width ?? 0) - area.width) <= 8 && Math.abs((height ?? 0) - area.height) <= 8,
      `${asked} for ${JSON.stringify(area)}`,
    );
    await frame.locator("#fit").selectOption("scale");
    await showsTheScreen(world.client, "web", frame);
  });

  it("fills the window, and gives it back", async () => {
    const bars = world.vscode.page.locator(".part.activitybar, .part.statusbar");
    assert.equal(await bars.first().isVisible(), true);
    await frame.locator("#fill").click();
    await until(
      "nothing but the console is there",
      () => bars.filter({ visible: true }).count(),
      (count) => count === 0,
    );
    frame = await connected();
    await world.vscode.screenshot("console-filled", ["dark"]);
    await frame.locator("#fill").click();
    await bars.first().waitFor();
    frame = await connected();
  });

  it("says that the machine is stopped", async () => {
    await world.client.call("machine.kill", { machine: "web" });
    await shows(/Stopped[\s\S]*Start/);
    await world.vscode.screenshot("console-stopped");
  });

  it("ran without a script error", () => {
    const errors = world.vscode.consoleMessages.filter((message) => /pageerror|Content Security Policy|Refused to/.test(message));
    assert.deepEqual(errors, []);
  });
});
