import assert from "node:assert/strict";
import type { EditorName } from "../../scripts/setup/vscode.ts";
import type { VivClient } from "../../src/api/index.ts";
import { guest, type TestHome, testHome } from "../support/home.ts";
import { consoleOf, consoleSays, showsTheScreen, typesIntoTheGuest } from "./support/consoleTab.ts";
import { runInHost, startVscode, until, type Vscode } from "./support/index.ts";
import { answerNotification, machineIs, openSidebar, removeByKey, rowButton, rowsAre, threeEnters } from "./support/sidebar.ts";
import { terminalRoundTrip, terminalShows } from "./support/terminal.ts";

/** A day with Vivarium, by mouse and keyboard: the packed VSIX in the newest VS Code and in the oldest one it is made for. */
for (const editor of ["current", "floor"] as const) proof(editor, { current: /^1\.139\./, floor: /^1\.105\./ }[editor]);

function proof(editor: EditorName, version: RegExp): void {
  describe(`the whole way in the ${editor} VS Code`, function () {
    this.timeout(120_000);
    const machine = "starter";
    let home: TestHome;
    let vscode: Vscode;
    let client: VivClient;

    before(async () => {
      home = await testHome();
      vscode = await startVscode({ editor, env: home.environment });
      await openSidebar(vscode.page);
    });
    after(async () => {
      await vscode?.dispose();
      await home?.dispose();
    });

    const show = () => client.call("machine.show", { machine });
    const isState = (state: string) =>
      until(
        `the machine is ${state}`,
        async () => (await show()).state,
        (now) => now === state,
        60_000,
      );
    const agentAnswers = () => client.call("machine.wait", { machine, for: "agent", timeoutMs: 100_000 });

    it("is the version that is meant", () => assert.match(vscode.version, version));

    it("makes and starts a machine with three Enters, and opens its console", async () => {
      await vscode.page.locator(".part.sidebar").getByText("Create Machine", { exact: true }).click();
      await threeEnters(vscode.page);
      await machineIs(vscode.page, machine, "running");
      client = await home.client();
      await consoleOf(vscode, machine);
      await agentAnswers();
    });

    it("shows what the guest's screen shows: 99 % of the pixels", async () => {
      await showsTheScreen(client, machine, await consoleOf(vscode, machine));
      if (editor === "floor") await vscode.screenshot("console-floor", ["dark"]);
    });

    it("types into the guest", async () => {
      await typesIntoTheGuest(vscode, async () => client, machine, await consoleOf(vscode, machine));
    });

    it("speaks with the guest on its serial line", async () => {
      await vscode.command("Vivarium: Open Serial Console");
      await vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: machine }).first().click();
      await terminalShows(vscode.page, `root@${machine}:`);
      await terminalRoundTrip(vscode.page);
    });

    it("pauses and resumes", async () => {
      await vscode.command("Vivarium: Pause Machine");
      await vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: machine }).first().click();
      await consoleSays(vscode, machine, /Paused by you/);
      await machineIs(vscode.page, machine, "paused");
      await rowButton(vscode.page, machine, "Resume Machine");
      await machineIs(vscode.page, machine, "running");
      await consoleOf(vscode, machine);
    });

    it("is all there after a reload of the window", async () => {
      await vscode.reload();
      await machineIs(vscode.page, machine, "running");
      const frame = await consoleOf(vscode, machine);
      await showsTheScreen(client, machine, frame);
      await typesIntoTheGuest(vscode, async () => client, machine, frame);
    });

    it("changes its memory in the form and has it after a restart", async () => {
      const before = Number(await guest(client, machine, "/bin/sh", "-c", "awk '/MemTotal/{print $2}' /proc/meminfo"));
      await vscode.execute("vivarium.editSettings", machine);
      const form = await vscode.webview(`Settings of ${machine}`);
      await form.waitForSelector(".status:not(:empty)");
      await form.locator("#memory").fill("768M");
      await form.locator("#memory").press("Control+s");
      await until(
        "the change waits for a restart",
        async () => (await show()).pendingChanges,
        (names) => names.includes("memory"),
      );
      const { pid } = await show();
      await vscode.command("Vivarium: Restart Machine");
      await vscode.page.locator(".quick-input-list .monaco-list-row", { hasText: machine }).first().click();
      await until("the machine is another process", show, (now) => now.pid !== pid && now.state === "running", 60_000);
      await agentAnswers();
      const after = Number(await guest(client, machine, "/bin/sh", "-c", "awk '/MemTotal/{print $2}' /proc/meminfo"));
      // 256 MiB more, less what the kernel keeps for itself.
      assert.ok(after - before > 200 * 1024, `${before} KiB, then ${after} KiB`);
    });

    it("is all there after vivd was killed: console, serial line, form and tree", async () => {
      await vscode.execute("vivarium.openSerialConsole", { machine });
      await terminalShows(vscode.page, `root@${machine}:`);
      // The form to one side, the console to the other.
      await vscode.execute("workbench.action.moveEditorToNextGroup");
      await vscode.execute("vivarium.openConsole", { machine });
      const form = await vscode.webview(`Settings of ${machine}`);
      await form.waitForSelector(".status:not(:empty)");
      await consoleOf(vscode, machine);
      const { pid } = await show();
      process.kill(await home.vivdPid(), "SIGKILL");
      const again = async () => {
        client = (await until(
          "vivd is back",
          () => home.client().catch(() => undefined),
          (found) => found !== undefined,
        )) as VivClient;
        return client;
      };
      await typesIntoTheGuest(vscode, again, machine, await consoleOf(vscode, machine));
      await terminalRoundTrip(vscode.page);
      assert.equal((await show()).pid, pid, "the machine did not notice");
      await form.locator("#note").fill("after the kill");
      await form.locator("#note").press("Control+s");
      await until(
        "the form reaches the machine",
        async () => (await show()).note,
        (note) => note === "after the kill",
      );
      await client.call("machine.pause", { machine });
      await machineIs(vscode.page, machine, "paused");
      await consoleSays(vscode, machine, /Paused/);
      await client.call("machine.resume", { machine });
      await machineIs(vscode.page, machine, "running");
      await vscode.screenshot(`everything-${editor}`, ["dark"]);
    });

    it("stops", async () => {
      await rowButton(vscode.page, machine, "Stop Machine");
      await isState("stopped");
      await machineIs(vscode.page, machine, "stopped");
      await consoleSays(vscode, machine, /Stopped/);
    });

    it("is deleted, and comes back by Undo", async () => {
      await removeByKey(vscode.page, machine);
      await rowsAre(vscode.page, "the machine is still there", (rows) => !rows.some((row) => row.startsWith(machine)));
      await answerNotification(vscode.page, "moved to the trash", "Undo");
      await machineIs(vscode.page, machine, "stopped");
      assert.equal((await show()).note, "after the kill");
    });

    it("ran without a script error", () => {
      const errors = vscode.consoleMessages.filter((message) => /pageerror|Content Security Policy|Refused to/.test(message));
      assert.deepEqual(errors, []);
    });
  });

  runInHost(`the extension host of the ${editor} VS Code`, { suite: "test/vscode/host/window.ts", editor });
}
