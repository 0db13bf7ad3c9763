import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { starterMachine, type TestHome, testHome } from "../support/home.ts";
import { startVscode, type Vscode } from "./support/index.ts";
import { machineRow, openSidebar, rowsAre } from "./support/sidebar.ts";

/** Shared folders in the Machines view of a real VS Code: which kind, whether the guest has them, what is wrong. */
describe("shared folders in the editor", function () {
  this.timeout(240_000);
  let home: TestHome;
  let vscode: Vscode;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "shared-"));
    for (const name of ["src", "data", "late"]) await mkdir(join(folder, name));
    home = await testHome();
    const client = await home.client();
    await starterMachine(client, "tree");
    await client.call("share.add", { machine: "tree", path: join(folder, "src") });
    await client.call("share.add", { machine: "tree", path: join(folder, "data"), kind: "9p", readOnly: true, mountPoint: "/data" });
    await client.call("machine.start", { machine: "tree" });
    vscode = await startVscode({ env: home.environment });
    await openSidebar(vscode.page);
  });
  after(async () => {
    await vscode?.dispose();
    await home?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const has = (what: string, pattern: RegExp) => rowsAre(vscode.page, what, (rows) => rows.some((row) => pattern.test(row)));

  it("are rows that say their kind and where the guest has them", async () => {
    await machineRow(vscode.page, "tree").click();
    await has("no row of shared folders", /^Shared folders/);
    await machineRow(vscode.page, "Shared folders").click();
    await has("src is not mounted", /^src, \/mnt\/src · virtiofs$/);
    await has("data is not mounted", /^data, \/data · 9p · read-only$/);
  });

  it("one that is added is there at once, one whose folder goes says so, one that is removed is gone", async () => {
    await vscode.execute("vivarium.share.add", "tree", join(folder, "late"), false);
    await has("late is not mounted", /^late, \/mnt\/late · virtiofs$/);
    await rm(join(folder, "late"), { recursive: true });
    await has("nothing is said", /^late, \/mnt\/late · the folder is gone$/);
    await vscode.screenshot("shared-folders");
    await vscode.execute("vivarium.share.remove", "tree", "late");
    await rowsAre(vscode.page, "late is still there", (rows) => !rows.some((row) => row.startsWith("late")));
  });

  it("stand in the settings form, where they are changed and taken away", async () => {
    await vscode.execute("vivarium.editSettings", "tree");
    const form = await vscode.webview("Settings of tree");
    const box = form.locator("#shares-1-box");
    await box.waitFor();
    assert.match(await box.innerText(), /Shared folder data/);
    await form.evaluate("document.getElementById('section-sharing').scrollIntoView({ behavior: 'instant' })");
    await vscode.screenshot("settings-shares");
    await box.getByRole("button", { name: "Remove shared folder data" }).click();
    await box.waitFor({ state: "detached" });
    assert.equal(await form.locator("#shares-0-box").count(), 1);
  });
});
