import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { guest, starterMachine } from "../support/home.ts";
import { type EditorWorld, editorWorld, until } from "./support/index.ts";
import { terminalRoundTrip, terminalShows, typeInTerminal } from "./support/terminal.ts";

describe("the serial console as a terminal", function () {
  this.timeout(120_000);
  let world: EditorWorld;

  before(async () => {
    world = await editorWorld();
    await starterMachine(world.client, "line", { start: true });
  });
  after(async () => {
    await world?.dispose();
  });

  const shows = (text: string | RegExp) => terminalShows(world.vscode.page, text);
  const type = (text: string) => typeInTerminal(world.vscode.page, text);
  const roundTrip = () => terminalRoundTrip(world.vscode.page);
  const noTerminal = () =>
    until(
      "the terminal is gone",
      async () => world.vscode.page.locator(".terminal-wrapper").count(),
      (count) => count === 0,
    );

  it("shows what was said before it was opened", async () => {
    await world.vscode.command("Vivarium: Open Serial Console");
    await world.vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: "line" }).first().click();
    await shows(/root@line:/);
  });

  it("carries what is typed and what is answered", roundTrip);

  it("tells the guest its size", async () => {
    const size = () => guest(world.client, "line", "/bin/sh", "-c", "stty size < /dev/ttyS0");
    const first = await until("the guest knows a size", size, (text) => /^[1-9]\d* [1-9]\d*$/.test(text) && text !== "24 80");
    await world.vscode.execute("workbench.action.toggleMaximizedPanel");
    await until("the guest knows the new size", size, (text) => text !== first && /^[1-9]/.test(text));
    await world.vscode.screenshot("serial");
    await world.vscode.execute("workbench.action.toggleMaximizedPanel");
  });

  it("goes on after vivd was killed, without a gap", async () => {
    await guest(world.client, "line", "/bin/sh", "-c", "(sleep 2; echo said-while-nobody-listened > /dev/ttyS0) > /dev/null 2>&1 &");
    process.kill(await world.home.vivdPid(), "SIGKILL");
    await shows("said-while-nobody-listened");
    await roundTrip();
    world = { ...world, client: await world.home.client() };
  });

  it("is there again after a reload of the window, with what was said, and takes no keyboard", async () => {
    const token = randomBytes(4).toString("hex");
    await type(`echo ${token} | tr a-f A-F\r`);
    await shows(token.toUpperCase());
    // What wakes the extension in a window that comes back: its view in sight. No window pays for it otherwise.
    await world.vscode.execute("vivarium.machines.focus");
    await world.vscode.execute("workbench.action.files.newUntitledFile");
    await world.vscode.page.keyboard.type("written before");
    await world.vscode.reload();
    await until(
      "the terminal is back",
      async () => (await world.vscode.page.locator(".terminal-wrapper").count()) > 0,
      (found) => found,
      60_000,
    );
    await shows(token.toUpperCase());
    assert.equal(await world.vscode.page.evaluate("document.activeElement?.closest('.terminal-wrapper') === null"), true, "no keyboard");
    await roundTrip();
    assert.equal(await world.vscode.page.locator(".terminal-wrapper.active").count(), 1);
  });

  it("detaches when it is closed: the guest goes on", async () => {
    await world.vscode.execute("workbench.action.terminal.kill");
    await until(
      "the machine runs",
      async () => (await world.client.call("machine.show", { machine: "line" })).state,
      (state) => state === "running",
    );
  });

  it("stays closed when it was closed", async () => {
    const tabs = async () => (await world.vscode.page.locator(".terminal-tabs-entry, .single-terminal-tab").allInnerTexts()).join();
    await until("it is closed", tabs, (names) => !names.includes("Serial"));
    // VS Code writes an extension's memory down a moment later.
    await world.vscode.page.waitForTimeout(1500);
    await world.vscode.reload();
    await world.vscode.execute("vivarium.connectService");
    await world.vscode.page.waitForTimeout(2000);
    assert.doesNotMatch(await tabs(), /Serial/);
  });

  it("is a terminal profile that asks which machine", async () => {
    await world.vscode.command("Create New Terminal (With Profile)");
    await world.vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: "Vivarium machine" }).first().click();
    await world.vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: "line" }).first().click();
    await shows(/root@line:/);
    await roundTrip();
  });

  it("attaches again when the machine stops and starts", async () => {
    await world.client.call("machine.kill", { machine: "line" });
    await shows(/is stopped/);
    await type("\r");
    await until(
      "the machine runs",
      async () => (await world.client.call("machine.show", { machine: "line" })).state,
      (state) => state === "running",
    );
    await world.client.call("machine.wait", { machine: "line", for: "agent", timeoutMs: 100_000 });
    await roundTrip();
  });

  it("has a shell beside it: a terminal in the guest without its serial port or network, which ends with the shell", async () => {
    await world.vscode.execute("workbench.action.terminal.killAll");
    await world.vscode.execute("vivarium.openShell", { machine: "line" });
    await shows(/[#$] /);
    await roundTrip();
    const size = async () => {
      await type("clear; stty size\r");
      return /^(\d+) (\d+)$/m.exec(await terminalShows(world.vscode.page, /^\d+ \d+$/m))?.[0];
    };
    const first = await size();
    await world.vscode.execute("workbench.action.toggleMaximizedPanel");
    await until("the shell knows the new size", size, (now) => now !== first);
    await world.vscode.screenshot("shell");
    await world.vscode.execute("workbench.action.toggleMaximizedPanel");
    await type("exit\r");
    await noTerminal();
  });

  it("so has a command from the palette: it can ask, and what it said stays until a key is pressed", async () => {
    const { page } = world.vscode;
    await world.vscode.command("Vivarium: Run Command in Guest…");
    await page.locator(".quick-input-list .monaco-list-row", { hasText: "line" }).first().click();
    await page.locator(".quick-input-title", { hasText: "Run in line" }).waitFor();
    await page.locator(".quick-input-box input").fill("read -p 'who? ' name; echo greetings, $name; exit 3");
    await page.keyboard.press("Enter");
    await shows(/who\? /);
    await type("ann\r");
    await shows(/greetings, ann/);
    await shows(/exit code 3/);
    await type("x");
    await noTerminal();
  });
});
