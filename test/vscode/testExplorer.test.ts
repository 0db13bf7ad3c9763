import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout } from "../support/home.ts";
import { type EditorWorld, editorWorld, until, type Vscode } from "./support/index.ts";
import { answerQuestion } from "./support/questions.ts";

/** A repository's tests in the Test Explorer of a real VS Code, in real machines: run, fail, fix, green. */
describe("tests of a repository in the Test Explorer", function () {
  this.timeout(240_000);
  let folder = "";
  let world: EditorWorld;
  let vscode: Vscode;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vvt-"));
    await cp(join(checkout, "test", "fixtures", "shell-project"), folder, { recursive: true });
    await writeFile(join(folder, "src", "greet.sh"), '#!/bin/sh\necho "Hullo, $1"\n');
    world = await editorWorld({ workspace: folder });
    ({ vscode } = world);
    await vscode.execute("workbench.view.testing.focus");
  });
  after(async () => {
    await world?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const labels = async () => {
    const rows = vscode.page.locator(".test-explorer .monaco-list-row");
    return Promise.all((await rows.all()).map(async (row) => (await row.getAttribute("aria-label")) ?? ""));
  };
  const rows = (what: string, fits: (labels: string[]) => boolean) => until(what, labels, fits, 120_000);
  /** The cases' rows, every parent expanded. */
  const cases = () =>
    until(
      "the cases are rows",
      async () => {
        const collapsed = vscode.page.locator('.test-explorer .monaco-list-row[aria-expanded="false"]').first();
        if ((await collapsed.count()) > 0) await collapsed.locator(".monaco-tl-twistie").click();
        return labels();
      },
      (found) => found.some((label) => label.includes("greets")),
    );
  const choose = (entry: string) => vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: entry }).first().click();
  const dialog = () => vscode.page.locator(".monaco-dialog-box");
  const machines = async () => (await world.client.call("machine.list", {})).map(({ name }) => name);

  it("are a row that says what they are, and nothing runs before the file is trusted", async () => {
    await rows("the folder is a row", (found) => found.some((label) => label.startsWith("shell project")));
    void vscode.execute("testing.runAll");
    await dialog().waitFor();
    assert.match(await dialog().innerText(), /wants to run the commands of \.testvm\/testvm\.json in test machines/);
    await vscode.screenshot("tests-trust", ["dark"]);
    await dialog().getByText("Cancel").click();
    await dialog().waitFor({ state: "detached" });
    assert.deepEqual(await machines(), []);
  });

  it("fail where they fail: the case, its words and its line", async () => {
    void vscode.execute("testing.runAll");
    await dialog().getByText("Trust and Run").click();
    await rows("a test failed", (found) => found.some((label) => /^shell project.*Failed/.test(label)));
    const found = await cases();
    assert.ok(
      found.some((label) => /greets.*Failed/.test(label)),
      found.join("\n"),
    );
    assert.ok(
      found.some((label) => /a full disk is noticed.*Passed/.test(label)),
      found.join("\n"),
    );
    await vscode.page.locator(".test-explorer .monaco-list-row", { hasText: "greets" }).dblclick();
    const peek = vscode.page.locator(".test-output-peek, .monaco-editor .zone-widget");
    await peek.first().waitFor();
    await until(
      "the failure is shown at its line",
      async () => (await vscode.page.locator(".part.editor").innerText()).replaceAll("\u00a0", " "),
      (text) => text.includes("wanted hello, world, got Hullo, world"),
    );
    await vscode.screenshot("tests-failed");
    assert.deepEqual(await machines(), [], "the machine is gone");
  });

  it("are green when it is mended, from the warm machine; what ran is coverage", async () => {
    await cp(join(checkout, "test", "fixtures", "shell-project", "src", "greet.sh"), join(folder, "src", "greet.sh"));
    void vscode.execute("testing.coverageAll");
    await rows("all passed", (found) => found.some((label) => /^shell project.*Passed/.test(label)));
    const coverage = vscode.page.locator(".test-coverage-list, .pane", { hasText: "Test Coverage" });
    await coverage.getByText("greet.sh").first().waitFor();
    await vscode.screenshot("tests-green", ["dark", "light", "contrast"]);
  });

  it("run again after each save while they run continuously", async () => {
    const file = join(folder, "out", "junit.xml");
    const before = await readFile(file, "utf8");
    await rm(file);
    // It goes on until it is stopped, and so does the command.
    void vscode.execute("testing.startContinuousRun").catch(() => undefined);
    await vscode.execute("workbench.action.quickOpen", join(folder, "src", "greet.sh"));
    await vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: "greet.sh" }).first().waitFor();
    await vscode.page.keyboard.press("Enter");
    await vscode.page.locator(".editor-instance .monaco-editor").click();
    await vscode.page.keyboard.press("Control+End");
    await vscode.page.keyboard.type("# saved\n");
    await vscode.page.keyboard.press("Control+s");
    await until(
      "a run came back",
      () => readFile(file, "utf8").catch(() => ""),
      (text) => text === before,
      60_000,
    );
    await vscode.execute("testing.stopContinuousRun");
    await until("the machine is gone", machines, (names) => names.length === 0, 60_000);
  });

  it("get a secret that this computer's environment does not have, asked for once", async () => {
    const file = join(folder, ".testvm", "testvm.json");
    const secret = "S3cret-of-the-test";
    await writeFile(file, (await readFile(file, "utf8")).replace('"outputs"', '"secrets": ["VVT_TOKEN"], "outputs"'));
    await writeFile(join(folder, "test.sh"), 'mkdir -p out; printf %s "$VVT_TOKEN" | wc -c > out/length\n');
    const length = () => readFile(join(folder, "out", "length"), "utf8").catch(() => "");
    void vscode.execute("testing.runAll");
    await dialog().waitFor();
    assert.match(await dialog().innerText(), /Its guests get these variables of yours: VVT_TOKEN/);
    await dialog().getByText("Trust and Run").click();
    await answerQuestion(vscode.page, "Value of VVT_TOKEN", secret);
    await until("the guest had it", length, (text) => text.trim() === String(secret.length), 120_000);
    await until("the machine is gone", machines, (names) => names.length === 0, 60_000);
    await rm(join(folder, "out", "length"));
    void vscode.execute("testing.runAll");
    await until("the guest had it again", length, (text) => text.trim() === String(secret.length), 60_000);
    await until("the machine is gone", machines, (names) => names.length === 0, 60_000);
    void vscode.execute("testing.configureProfile");
    await choose("Test Machine");
    await choose("Forget Secrets");
    void vscode.execute("testing.runAll");
    await answerQuestion(vscode.page, "Value of VVT_TOKEN", "other");
    await until("the guest had the other one", length, (text) => text.trim() === "5", 60_000);
    await until("the machine is gone", machines, (names) => names.length === 0, 60_000);
  });

  it("end when they are cancelled, and the machine with them", async () => {
    const file = join(folder, "test.sh");
    await writeFile(file, "echo they-run\nsleep 600\n");
    void vscode.execute("testing.runAll");
    await until("a machine runs", machines, (names) => names.length > 0, 60_000);
    await vscode.execute("testing.cancelRun");
    await until("the machine is gone", machines, (names) => names.length === 0, 60_000);
  });

  it("are remembered when the window is there again", async () => {
    await vscode.reload();
    await until(
      "the folder is a row",
      async () => {
        // The view is there once an extension has tests.
        await vscode.execute("workbench.view.testing.focus");
        return labels();
      },
      (found) => found.some((label) => label.startsWith("shell project")),
    );
    await cases();
  });
});
