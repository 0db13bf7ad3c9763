import assert from "node:assert/strict";
import type { VivClient } from "../../src/api/index.ts";
import { type EditorWorld, editorWorld, until, type Vscode } from "./support/index.ts";
import { answerQuestion, chooseInMenu } from "./support/questions.ts";
import { answerNotification, machineRow, rowButton, rowsAre } from "./support/sidebar.ts";
import { terminalShows, typeInTerminal } from "./support/terminal.ts";

/** Templates and forks by mouse in a real VS Code, of a real guest. */
describe("forks in the editor", function () {
  this.timeout(240_000);
  let world: EditorWorld;
  let vscode: Vscode;
  let client: VivClient;

  before(async () => {
    world = await editorWorld({ viewport: { width: 1360, height: 900 } });
    ({ vscode, client } = world);
    await client.call("machine.create", { name: "hello", image: "starter", memory: "256M" });
    await client.call("machine.start", { machine: "hello" });
    await client.call("machine.wait", { machine: "hello", for: "agent", timeoutMs: 120_000 });
    await vscode.execute("vivarium.machines.focus");
  });
  after(async () => {
    await world?.dispose();
  });

  const names = async () => (await client.call("machine.list", {})).map(({ name }) => name).sort();
  const dialog = () => vscode.page.locator(".monaco-dialog-box");

  const fromMenu = (row: string, entry: string) => chooseInMenu(vscode.page, machineRow(vscode.page, row), entry);

  const answer = (title: string, text: string) => answerQuestion(vscode.page, title, text);

  it("makes a template from a machine's menu with one question", async () => {
    await fromMenu("hello", "Make Template…");
    await answer("Make a Template of hello", "ready everything is warm");
    await rowsAre(vscode.page, "no template's row", (rows) => rows.some((row) => row.startsWith("Template ready, ")));
    const [template] = await client.call("template.list", {});
    assert.deepEqual([template?.name, template?.note, template?.implicit], ["ready", "everything is warm", false]);
  });

  it("forks four from its row: they stand below it, with what it took them to be ready", async () => {
    await vscode.execute("notifications.clearAll");
    await rowButton(vscode.page, "ready", "Fork…");
    await answer("Fork ready", "4");
    await rowsAre(vscode.page, "not four forks below it", (rows) => {
      const at = rows.findIndex((row) => /^Template ready, 4 forks run/.test(row));
      return (
        at >= 0 &&
        [1, 2, 3, 4].every((number) => new RegExp(`^ready-${number}, running, ready after \\d+ ms`).test(rows[at + number] ?? ""))
      );
    });
    const tooltip = vscode.page.locator(".monaco-hover").filter({ hasText: /the forks have .+ of their own/ });
    // A row that is repainted closes its tooltip, and a mouse that rests on it opens no other.
    for (let tries = 0; tries < 10 && !(await tooltip.isVisible()); tries += 1) {
      await vscode.page.mouse.move(700, 500);
      await machineRow(vscode.page, "4 forks run").hover();
      await tooltip.waitFor({ timeout: 3000 }).catch(() => undefined);
    }
    assert.match(await tooltip.innerText(), /shared by every fork that runs/);
    await vscode.screenshot("forks-tree");
    await vscode.page.mouse.move(700, 500);
  });

  it("finds them by the filter, with their template", async () => {
    await vscode.execute("vivarium.filterMachines", "ready-3");
    await rowsAre(vscode.page, "not only ready-3", (rows) => rows.filter((row) => /^(hello|ready-)/.test(row)).length === 1);
    await vscode.execute("vivarium.clearFilter");
  });

  it("opens a terminal in one: it knows its own name", async () => {
    await vscode.execute("vivarium.openShell", "ready-2");
    await typeInTerminal(vscode.page, "echo $(hostname) | tr a-z A-Z\r");
    await terminalShows(vscode.page, "READY-2");
  });

  it("keeps one, which is an ordinary machine then", async () => {
    await fromMenu("ready-2", "Keep Fork");
    await until(
      "ready-2 belongs to no template",
      async () => (await client.call("machine.show", { machine: "ready-2" })).fork,
      (fork) => fork === undefined,
    );
    await rowsAre(vscode.page, "it is still below its template", (rows) => {
      const template = rows.findIndex((row) => row.startsWith("Template ready"));
      const kept = rows.findIndex((row) => row.startsWith("ready-2, "));
      return kept >= 0 && kept < template;
    });
  });

  it("refuses to delete the template while forks run, and says so", async () => {
    await fromMenu("3 forks run", "Delete Template…");
    await vscode.page.locator(".notification-toast").filter({ hasText: "stays while forks of it run" }).waitFor();
    assert.equal((await client.call("template.list", {})).length, 1);
    await vscode.execute("notifications.clearAll");
  });

  it("removes forks for good after one question, which need not be asked again", async () => {
    await fromMenu("ready-1", "Remove Fork");
    await dialog().getByText("Forks do not go to the trash").waitFor();
    await dialog().getByText("Remove, and Don’t Ask Again", { exact: true }).click();
    await rowsAre(vscode.page, "ready-1 is still there", (rows) => !rows.some((row) => row.startsWith("ready-1, ")));
    await fromMenu("ready-3", "Remove Fork");
    await rowsAre(vscode.page, "ready-3 is still there", (rows) => !rows.some((row) => row.startsWith("ready-3, ")));
    assert.equal(await dialog().count(), 0);
    assert.deepEqual(await names(), ["hello", "ready-2", "ready-4"]);
    assert.deepEqual(await client.call("machine.trash", {}), []);
  });

  it("stops what runs on the template and deletes it, when it is told to", async () => {
    await client.call("machine.kill", { machine: "ready-2" });
    void vscode.execute("vivarium.template.remove", "ready");
    await answerNotification(vscode.page, "stays while forks of it run", "Stop Them and Delete");
    await rowsAre(vscode.page, "the template is still there", (rows) => !rows.some((row) => row.startsWith("Template")), 90_000);
    assert.deepEqual(await client.call("template.list", {}), []);
    assert.equal((await client.call("machine.show", { machine: "ready-4" })).state, "stopped", "a stopped fork stays");
  });
});
