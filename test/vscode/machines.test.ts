import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { type TestHome, testHome } from "../support/home.ts";
import { startVscode, type Vscode } from "./support/index.ts";
import { machineRow, openSidebar, rowsAre, threeEnters } from "./support/sidebar.ts";

/** The sidebar as a person sees it: real clicks and keys in a real VS Code, a real vivd, a real machine. */

describe("the Machines view", function () {
  this.timeout(180_000);
  let home: TestHome;
  let vscode: Vscode;

  before(async () => {
    home = await testHome();
    vscode = await startVscode({ env: home.environment, settings: { "vivarium.openConsoleAfterCreate": false } });
    await openSidebar(vscode.page);
  });
  after(async () => {
    await vscode?.dispose();
    await home?.dispose();
  });

  const row = (text: string) => machineRow(vscode.page, text);
  const quickInput = () => vscode.page.locator(".quick-input-widget");

  const rows = (fits: (rows: string[]) => boolean, what: string) => rowsAre(vscode.page, what, fits);

  it("welcomes with a way to begin when it is empty", async () => {
    await vscode.page.locator(".part.sidebar").getByText("There are no machines yet.").waitFor();
    await vscode.screenshot("machines-empty");
  });

  it("makes and starts a machine with three Enters", async () => {
    await vscode.page.locator(".part.sidebar").getByText("Create Machine", { exact: true }).click();
    await threeEnters(vscode.page, (step) => vscode.screenshot(`create-${step}`));
    await rows(([first]) => /^starter, running/.test(first ?? ""), "no running machine");
    await vscode.page.getByText("Machines keep running when VS Code is closed.", { exact: false }).first().waitFor();
  });

  it("counts what runs in the badge and in the status bar", async () => {
    await vscode.page.locator(".activitybar .badge-content").getByText("1", { exact: true }).waitFor();
    await vscode.page.locator(".statusbar").getByText("1 running").waitFor();
  });

  it("shows ports and disks below a machine", async () => {
    await row("starter").click();
    await vscode.page.keyboard.press("ArrowRight");
    await rows((found) => found.some((label) => label.startsWith("Disks")), "no rows");
    await row("Ports").click();
    await rows((found) => found.some((label) => label.startsWith("Port 22, 127.0.0.1:")), "no ports");
    // The click may have opened the row already, and the key then went to its first child.
    await vscode.execute("workbench.actions.treeView.vivarium.machines.collapseAll");
  });

  it("tells everything in the tooltip", async () => {
    const client = await home.client();
    await client.call("machine.wait", { machine: "starter", for: "agent", timeoutMs: 120_000 });
    const tooltip = vscode.page.locator(".monaco-hover").filter({ hasText: "Guest agent" });
    // One that opened where the mouse was left tells of the time before the agent.
    await vscode.page.mouse.move(900, 400);
    await tooltip.waitFor({ state: "hidden" });
    // A row that is repainted closes its tooltip, and a mouse that rests on it opens no other.
    for (let tries = 0; tries < 10 && !(await tooltip.isVisible()); tries += 1) {
      await vscode.page.mouse.move(900, 400);
      await row("starter").hover();
      await tooltip.waitFor({ timeout: 3000 }).catch(() => undefined);
    }
    const text = await tooltip.innerText();
    for (const part of ["running", "Up since", "Hardware", "Ports", "Disks", "agent"]) assert.ok(text.includes(part), part);
    // Measured just now, and by nobody before the mouse rested there.
    assert.match(text, /CPU\s+\d+ % of one core\s+Memory\s+[\d.]+ [MG]iB of this computer; the guest uses [\d.]+ MiB of [\d.]+ [MG]iB/);
    await vscode.screenshot("machines-tooltip", ["dark"]);
    await vscode.page.mouse.move(900, 400);
  });

  it("shows what others do within the blink of an eye, row by row", async () => {
    const client = await home.client();
    await client.call("machine.create", { name: "web", image: "starter", memory: "256M", set: ["group=team"] });
    await rows((found) => found[0] === "Group team, 1 machine" && found[1] === "web, stopped", "no group");
    await client.call("machine.pause", { machine: "starter" });
    await rows((found) => found.some((label) => /^starter, paused/.test(label)), "not paused");
    await client.call("machine.resume", { machine: "starter" });
  });

  it("shows a damaged machine as one row with the reason", async () => {
    await writeFile(`${home.machineFolder("web")}/vm.json`, "{ nope");
    await rows((found) => found.some((label) => /^web, damaged: vm\.json/.test(label)), "not damaged");
    await vscode.screenshot("machines-states");
  });

  it("filters while one types", async () => {
    await vscode.command("Vivarium: Filter Machines…");
    await quickInput().getByText("Filter machines", { exact: true }).waitFor();
    await vscode.page.keyboard.type("start");
    await rows((found) => found.length === 1 && found[0]!.startsWith("starter"), "not filtered");
    await vscode.page.keyboard.press("Enter");
    await vscode.command("Vivarium: Clear Filter");
    await rows((found) => found.length === 2, "still filtered");
  });

  it("says once that vivd went away, and is itself again", async () => {
    process.kill(await home.vivdPid(), "SIGKILL");
    await vscode.page.locator(".part.sidebar").getByText("machines keep running. Reconnecting", { exact: false }).waitFor();
    await rows((found) => found.some((label) => /^starter, running/.test(label)), "rows are gone");
    await vscode.page.locator(".part.sidebar").getByText("Reconnecting", { exact: false }).waitFor({ state: "detached" });
    const client = await home.client();
    await client.call("machine.pause", { machine: "starter" });
    await rows((found) => found.some((label) => /^starter, paused/.test(label)), "no events after the reconnection");
  });

  it("removes without a question what does not run, and undoes it", async () => {
    const client = await home.client();
    await client.call("machine.kill", { machine: "starter" });
    await rows((found) => found.some((label) => /^starter, (stopped|failed)/.test(label)), "still runs");
    await row("starter").click();
    // What the key does is what is selected (vivarium.selected), which the window hears of a moment after the click.
    await vscode.page.waitForTimeout(1000);
    await vscode.page.keyboard.press("Delete");
    await rows((found) => !found.some((label) => label.startsWith("starter")), "still there");
    await vscode.page.locator(".notification-toast").getByText("Undo", { exact: true }).click();
    await rows((found) => found.some((label) => label.startsWith("starter")), "not back");
  });
});
