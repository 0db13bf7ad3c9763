import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import { guest, starterMachine } from "../support/home.ts";
import { type EditorWorld, editorWorld, until, type Vscode } from "./support/index.ts";
import { answerQuestion, chooseInMenu } from "./support/questions.ts";
import { answerNotification, machineRow, openSidebar, rowsAre } from "./support/sidebar.ts";

/** A folder of the workspace in a guest, its files and its ports as rows: a real VS Code, a real starter guest. */
describe("a guest beside the workspace", function () {
  this.timeout(180_000);
  const machine = "box";
  let folder = "";
  let world: EditorWorld;
  let vscode: Vscode;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvw-"));
    await mkdir(join(folder, "src"));
    await writeFile(join(folder, "src", "app.txt"), "one\n");
    world = await editorWorld({ workspace: folder, settings: { "vivarium.openConsoleAfterCreate": false } });
    ({ vscode } = world);
    await starterMachine(world.client, machine, { start: true });
    await openSidebar(vscode.page);
    await rowsAre(vscode.page, "no machine", (found) => found.some((label) => label.startsWith(`${machine}, running`)));
  });
  after(async () => {
    await world?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const shell = (line: string) => guest(world.client, machine, "sh", "-c", line);
  const choice = (text: string) => vscode.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first();
  const status = () => vscode.page.locator(".statusbar-item[id$='vivarium.sync']");
  const rows = (what: string, fits: (rows: string[]) => boolean) => rowsAre(vscode.page, what, fits);

  it("keeps a folder in sync: a watcher in the guest sees an edit in the editor", async () => {
    await vscode.command("Vivarium: Sync Folder to Machine…");
    await choice(machine).click();
    await choice(folder.slice(-5)).click();
    const input = vscode.page.locator(".quick-input-widget input.input");
    await until(
      "the place is asked for",
      () => input.inputValue(),
      (text) => text.startsWith("/work/"),
    );
    await input.fill("/work/app");
    await vscode.page.keyboard.press("Enter");
    await choice("Keep in Sync").waitFor();
    await vscode.screenshot("sync-how-long", ["dark"]);
    await vscode.page.keyboard.press("Enter");
    await status()
      .filter({ hasText: `→ ${machine}` })
      .waitFor();
    assert.equal(await shell("until [ -e /work/app/src/app.txt ]; do sleep 0.1; done; cat /work/app/src/app.txt"), "one");
    // inotify in the guest: what a watcher of a build tool hears.
    const watcher = await world.client.openWatch({ machine, path: "/work/app/src" });
    assert.ok(watcher);
    const seen: string[] = [];
    watcher.onChanges((changes) => seen.push(...(changes === "overflow" ? [] : changes.map(({ path }) => path))));
    await vscode.execute("workbench.action.quickOpen", join(folder, "src", "app.txt"));
    await choice("app.txt").waitFor();
    await vscode.page.keyboard.press("Enter");
    const editor = vscode.page.locator(".editor-instance .monaco-editor");
    await editor.waitFor();
    await editor.click();
    await vscode.page.keyboard.press("Control+Home");
    await vscode.page.keyboard.type("two ");
    await vscode.page.keyboard.press("Control+s");
    await until(
      "the guest's watcher sees it",
      async () => seen,
      (paths) => paths.includes("/work/app/src/app.txt"),
    );
    watcher.close();
    assert.equal(await shell("cat /work/app/src/app.txt"), "two one");
    await vscode.screenshot("sync-live", ["dark", "light"]);
  });

  it("shows the difference before a pull replaces what changed here too", async () => {
    await vscode.execute("workbench.action.closeAllEditors");
    await vscode.command("Vivarium: Stop Folder Sync…");
    await choice("/work/app").waitFor();
    await vscode.page.keyboard.press("Enter");
    await status().waitFor({ state: "detached" });
    await writeFile(join(folder, "src", "app.txt"), "here\n");
    await shell("echo there > /work/app/src/app.txt; echo more > /work/app/src/more.txt; touch -d @1 /work/app/src/app.txt");
    await vscode.command("Vivarium: Pull from Machine…");
    await choice(machine).click();
    await choice("/work/app").click();
    await vscode.page.locator(".monaco-diff-editor").waitFor();
    const toast = vscode.page
      .locator(".notification-toast")
      .filter({ hasText: "Changed here and in the guest: src/app.txt. Nothing was written yet." });
    await toast.waitFor();
    assert.equal(await readFile(join(folder, "src", "app.txt"), "utf8"), "here\n");
    await vscode.screenshot("pull-conflict", ["dark", "light"]);
    await answerNotification(vscode.page, "Changed here and in the guest", "Pull Only the Others");
    await vscode.page.locator(".notification-toast").filter({ hasText: "1 pulled into" }).waitFor();
    assert.equal(await readFile(join(folder, "src", "more.txt"), "utf8"), "more\n");
    assert.equal(await readFile(join(folder, "src", "app.txt"), "utf8"), "here\n");
    await vscode.execute("notifications.clearAll");
    await vscode.execute("workbench.action.closeAllEditors");
  });

  it("has the guest's files as rows, edits one, and shows what the guest makes", async () => {
    await openSidebar(vscode.page);
    const open = async (text: string, below: string) => {
      const has = (found: string[]) => found.some((label) => label.startsWith(below));
      await machineRow(vscode.page, text).click();
      await rows(`${text} has no ${below}`, has).catch(async () => {
        await vscode.page.keyboard.press("ArrowRight");
        await rows(`${text} has no ${below}`, has);
      });
    };
    await shell("mkdir -p /root/notes && echo first > /root/notes/a.txt");
    await open(machine, "Files");
    await open("Files", "/root, folder");
    await open("/root", "notes");
    await open("notes", "a.txt");
    await machineRow(vscode.page, "a.txt").click();
    const editor = vscode.page.locator(".editor-instance .monaco-editor");
    await editor.waitFor();
    await editor.click();
    await vscode.page.keyboard.press("Control+Home");
    await vscode.page.keyboard.type("edited ");
    await vscode.page.keyboard.press("Control+s");
    await until(
      "the guest has it",
      () => shell("cat /root/notes/a.txt"),
      (text) => text === "edited first",
    );
    await shell("echo > /root/notes/by-the-guest.txt");
    await rows("what the guest made is not shown", (found) => found.some((label) => label.startsWith("by-the-guest.txt")));
    await vscode.screenshot("files-rows");
    await vscode.execute("workbench.action.closeAllEditors");
    await vscode.execute("workbench.actions.treeView.vivarium.machines.collapseAll");
  });

  it("shows who listens in the guest, and sees one come and go", async () => {
    await machineRow(vscode.page, machine).click();
    await rows("no ports", (found) => found.some((label) => label.startsWith("Ports")));
    await machineRow(vscode.page, "Ports").click();
    await rows("no sshd", (found) => found.some((label) => /^Port 22, 127\.0\.0\.1:\d+ · \w+/.test(label)));
    await shell("(nc -ll -p 8080 -e echo from-the-guest > /dev/null 2>&1 < /dev/null & echo $! > /run/nc)");
    await rows("no 8080", (found) => found.some((label) => /^Port 8080, nc · not forwarded/.test(label)));
    await vscode.screenshot("ports-row");
    const row = machineRow(vscode.page, "Port 8080");
    await row.hover();
    await row.getByLabel("Forward Port").click();
    const found = await rows("8080 is not forwarded", (labels) => labels.some((label) => /^Port 8080, 127\.0\.0\.1:\d+ · nc/.test(label)));
    const port = Number(/^Port 8080, 127\.0\.0\.1:(\d+)/m.exec(found.join("\n"))?.[1]);
    assert.equal(await said(port), "from-the-guest\n");
    await vscode.screenshot("ports-forwarded", ["dark"]);
    await chooseInMenu(vscode.page, row, "Change Local Port");
    await answerQuestion(vscode.page, "Port of this computer for port 8080", String(port + 100));
    const moved = await rows("it is where it was", (labels) =>
      labels.some((label) => new RegExp(`^Port 8080, 127\\.0\\.0\\.1:(?!${port} )\\d+ · nc`).test(label)),
    );
    assert.equal(await said(Number(/^Port 8080, 127\.0\.0\.1:(\d+)/m.exec(moved.join("\n"))?.[1])), "from-the-guest\n");
    await row.hover();
    await row.getByLabel("Stop Forwarding Port").click();
    await rows("8080 is forwarded", (labels) => labels.some((label) => /^Port 8080, nc · not forwarded/.test(label)));
    await shell("kill $(cat /run/nc)");
    await rows("8080 stays", (found) => !found.some((label) => label.startsWith("Port 8080")));
  });

  it("makes another machine whose first boot was customized in one page: the user is there", async () => {
    await vscode.command("Vivarium: Create Machine…");
    const quickInput = vscode.page.locator(".quick-input-widget");
    const input = quickInput.locator("input.input");
    for (const step of [1, 2]) {
      await quickInput.getByText(`(${step}/3)`).waitFor();
      await quickInput.locator(".monaco-list-row.focused").waitFor();
      await vscode.page.keyboard.press("Enter");
    }
    await quickInput.getByText("(3/3)").waitFor();
    await quickInput.locator('[aria-label^="Customize First Boot"]').click();
    const fill = async (row: string, text: string, refused?: string) => {
      await quickInput.getByText("(4/4)").waitFor();
      await choice(row).click();
      await quickInput.locator(".monaco-list-row").first().waitFor({ state: "hidden" });
      if (refused !== undefined) {
        await input.fill(refused);
        await quickInput
          .locator(".quick-input-message")
          .filter({ hasText: /must|no time zone/ })
          .waitFor();
      }
      await input.fill(text);
      await vscode.page.keyboard.press("Enter");
      await choice(text).waitFor();
    };
    await fill("User", "ada", "no name");
    await fill("Time Zone", "Europe/Berlin", "Berlin");
    await fill("Packages", "nginx");
    await vscode.screenshot("create-first-boot");
    await choice("Create and Start").click();
    await rows("no second machine", (found) => found.some((label) => label.startsWith("starter, running")));
    const definition = parse(await readFile(join(world.home.machineFolder("starter"), "vm.json"), "utf8")) as {
      firstBoot: { users: { name: string }[]; timeZone: string; packages: string[] };
    };
    assert.deepEqual(
      [definition.firstBoot.users.map(({ name }) => name), definition.firstBoot.timeZone, definition.firstBoot.packages],
      [["ada"], "Europe/Berlin", ["nginx"]],
    );
    await world.client.call("machine.wait", { machine: "starter", for: "first-boot", timeoutMs: 120_000 });
    const { stdoutBase64 } = await world.client.call("machine.exec", { machine: "starter", command: ["id", "ada"] });
    assert.match(Buffer.from(stdoutBase64, "base64").toString(), /^uid=\d+\(ada\)/);
  });
});

/** All that a server on this computer says. */
async function said(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  return Buffer.concat(await socket.toArray()).toString();
}
