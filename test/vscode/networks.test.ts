import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { VivClient } from "../../src/api/index.ts";
import { type EditorWorld, editorWorld, until, type Vscode } from "./support/index.ts";
import { answerQuestion, chooseInMenu } from "./support/questions.ts";
import { machineRow, openSidebar, rowsAre } from "./support/sidebar.ts";

/** The Networks view in a real VS Code, with two real guests on a network. */
describe("the Networks view", function () {
  this.timeout(240_000);
  let world: EditorWorld;
  let vscode: Vscode;
  let client: VivClient;

  before(async () => {
    world = await editorWorld({ viewport: { width: 1360, height: 900 } });
    ({ vscode, client } = world);
    await openSidebar(vscode.page);
    await vscode.page.locator(".pane-header[aria-label^='Networks']").click();
  });
  after(async () => {
    await world?.dispose();
  });

  const rows = (what: string, fits: (rows: string[]) => boolean) => rowsAre(vscode.page, what, fits);
  const row = (label: RegExp) => rows(`no row ${label.source}`, (found) => found.some((one) => label.test(one)));
  const noRow = (label: RegExp) => rows(`a row ${label.source}`, (found) => !found.some((one) => label.test(one)));
  const inView = (text: string) =>
    vscode.page
      .locator(".pane", { has: vscode.page.locator(".pane-header[aria-label^='Networks']") })
      .locator(".monaco-list-row")
      .filter({ hasText: text })
      .first();

  const fromMenu = (text: string, entry: string) => chooseInMenu(vscode.page, inView(text), entry);

  const answer = (title: string, text: string) => answerQuestion(vscode.page, title, text);

  async function choose(title: string, entry: string): Promise<void> {
    const box = vscode.page.locator(".quick-input-widget").filter({ hasText: title });
    await box.locator(".monaco-list-row").filter({ hasText: entry }).first().click();
    await box.waitFor({ state: "hidden" });
  }

  async function reaches(): Promise<boolean> {
    const { exitCode } = await client.call("machine.exec", { machine: "web", command: ["ping", "-c", "1", "-W", "1", "db"] });
    return exitCode === 0;
  }

  it("offers a network where there is none, and makes it with one question", async () => {
    await vscode.page.getByText("Create Network", { exact: true }).first().click();
    await answer("Create Network", "lab");
    await row(/^Network lab, 10\.77\.0\.0\/24 · no machine/);
    await vscode.execute("notifications.clearAll");
  });

  it("shows machines that come on it, and their addresses while they run", async () => {
    for (const name of ["web", "db"])
      await client.call("machine.create", { name, image: "starter", memory: "256M", networks: [{ mode: "segment", network: "lab" }] });
    await row(/^web on lab, stopped/);
    for (const name of ["web", "db"]) await client.call("machine.start", { machine: name });
    for (const name of ["web", "db"]) await client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 120_000 });
    await row(/^web on lab, 10\.77\.0\.\d+$/);
    await row(/^db on lab, 10\.77\.0\.\d+$/);
    await until("web reaches db", reaches, (so) => so, 30_000);
  });

  it("makes a rule from the menu, which holds at once, and takes it back", async () => {
    await fromMenu("lab", "Add Network Rule…");
    await answer("Rule for lab", "deny web any icmp");
    await row(/^Rule 1 of lab: deny web any icmp/);
    assert.equal(await reaches(), false);
    await fromMenu("deny web", "Remove Network Rule");
    await noRow(/^Rule 1/);
    assert.equal(await reaches(), true);
  });

  it("cuts a link off by a preset and heals it by its row", async () => {
    await fromMenu("db", "Make Link Bad…");
    await choose("Link of db", "Cut Off");
    await row(/^db on lab, .+ · partition away/);
    assert.equal(await reaches(), false);
    await fromMenu("db", "Make Link Good");
    await row(/^db on lab, 10\.77\.0\.\d+$/);
    assert.equal(await reaches(), true);
  });

  it("shows a capture of one machine, and ends it from its row; tshark reads the file", async () => {
    await fromMenu("web", "Start Capture…");
    const dialog = vscode.page.locator(".quick-input-widget").filter({ hasText: "Capture to a New File" });
    await until(
      "a name is offered",
      () => dialog.locator("input.input").inputValue(),
      (value) => /\/web-.+\.pcapng$/.test(value),
    );
    await vscode.page.keyboard.press("Enter");
    await row(/^Capture web-.+\.pcapng, captures · of web/);
    const file = (await client.call("network.show", { network: "lab" })).capture?.file ?? "";
    await client.call("network.impair", { network: "lab", machine: "db", impairment: { delayMs: 100, lossPercent: 1 } });
    await client.call("network.set", { network: "lab", rules: [{ action: "deny", from: "web", to: "db", protocol: "tcp", port: 5432 }] });
    await row(/^Rule 1 of lab/);
    await vscode.screenshot("networks", ["dark", "light", "contrast"]);
    await client.call("network.impair", { network: "lab", machine: "db", impairment: null });
    assert.equal(await reaches(), true);
    await fromMenu(".pcapng", "Stop Capture");
    await noRow(/^Capture/);
    await vscode.page
      .locator(".notification-toast")
      .filter({ hasText: /[1-9]\d* frames in .+\.pcapng/ })
      .waitFor();
    const read = spawnSync("tshark", ["-r", file, "-Y", "icmp"], { encoding: "utf8" });
    assert.match(read.stdout, /Echo \(ping\) reply/);
  });

  it("asks for counters when a tooltip opens", async () => {
    const tooltip = vscode.page.locator(".monaco-hover").filter({ hasText: /Received/ });
    for (let tries = 0; tries < 10 && !(await tooltip.isVisible()); tries += 1) {
      await vscode.page.mouse.move(900, 600);
      await inView("web").hover();
      await tooltip.waitFor({ timeout: 3000 }).catch(() => undefined);
    }
    assert.match(await tooltip.innerText(), /[1-9]\d* frames/);
    await vscode.page.mouse.move(900, 600);
  });

  it("refuses to remove a network that machines are on, and names them", async () => {
    await fromMenu("lab", "Remove Network…");
    await vscode.page.locator(".monaco-dialog-box").getByText("Remove", { exact: true }).click();
    await vscode.page
      .locator(".notification-toast")
      .filter({ hasText: /lab is used by (web, db|db, web)/ })
      .waitFor();
    assert.equal((await client.call("network.list", {})).length, 1);
    await machineRow(vscode.page, "lab").waitFor();
  });
});
