import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { starterMachine } from "../support/home.ts";
import { type EditorWorld, editorWorld, until } from "./support/index.ts";
import { buttonsOf, notifications } from "./support/notifications.ts";
import { killService, serviceAfter } from "./support/service.ts";
import { answerNotification, machineIs, machineRow, openSidebar, removeByKey, rowsAre, threeEnters } from "./support/sidebar.ts";
import { command } from "./support/workbench.ts";

/** One sentence and a way out, nothing lost: what happens when the service dies or the window goes away at the wrong time. */
describe("trouble", function () {
  this.timeout(120_000);
  let world: EditorWorld;
  const machine = "web";

  before(async () => {
    world = await editorWorld({ settings: { "vivarium.openConsoleAfterCreate": false } });
    await openSidebar(world.vscode.page);
    await starterMachine(world.client, machine, { start: true });
    await machineIs(world.vscode.page, machine, "running");
  });
  after(async () => {
    await world?.dispose();
  });

  const show = (client: VivClient) => client.call("machine.show", { machine });
  const clear = () => world.vscode.execute("notifications.clearAll");

  /** Stops the service so that a request stays unanswered, does something, kills it; @returns a connection to the next one. */
  async function whileServiceDies(act: () => Promise<unknown>): Promise<VivClient> {
    const pid = await world.home.vivdPid();
    process.kill(pid, "SIGSTOP");
    const acting = act();
    await new Promise((wake) => setTimeout(wake, 250));
    process.kill(pid, "SIGKILL");
    const client = await serviceAfter(world.home, pid);
    await acting;
    world = { ...world, client };
    return client;
  }

  describe("vivd is killed during", () => {
    /** What may be said twice is done; the rest is not, and says so. */
    const done = "is done all the same";
    const said = "says so, and nothing is lost";
    interface Row {
      readonly command: string;
      readonly args?: readonly unknown[];
      readonly outcome: typeof done | typeof said;
      readonly after: (details: MachineDetails) => boolean;
    }
    const isState =
      (state: string) =>
      (details: MachineDetails): boolean =>
        details.state === state;
    const rows: readonly Row[] = [
      { command: "pause", outcome: done, after: isState("paused") },
      { command: "resume", outcome: done, after: isState("running") },
      { command: "setMemory", args: ["300M"], outcome: done, after: ({ pendingChanges }) => pendingChanges.includes("memory") },
      { command: "exec", args: ["true"], outcome: said, after: isState("running") },
      { command: "typeText", args: ["x"], outcome: said, after: isState("running") },
      { command: "sendKeys", args: ["ctrl-c"], outcome: said, after: isState("running") },
      { command: "wait", args: ["agent"], outcome: done, after: isState("running") },
      { command: "copySshCommand", outcome: done, after: isState("running") },
      { command: "guestInfo", outcome: done, after: isState("running") },
      { command: "showSerialLog", outcome: done, after: isState("running") },
      { command: "hostReport", outcome: done, after: isState("running") },
      { command: "editSettings", outcome: done, after: isState("running") },
      { command: "rename", args: ["other"], outcome: said, after: ({ name }) => name === machine },
      { command: "suspend", outcome: said, after: isState("running") },
      { command: "restart", outcome: said, after: isState("running") },
      { command: "stop", outcome: done, after: isState("stopped") },
      { command: "remove", outcome: said, after: ({ name }) => name === machine },
      { command: "start", outcome: done, after: isState("running") },
    ];
    afterEach(async () => {
      await clear();
      await world.vscode.execute("workbench.action.closeAllEditors");
    });

    for (const { command, args = [], outcome, after } of rows) {
      it(`${command}: it ${outcome}`, async () => {
        const client = await whileServiceDies(() => world.vscode.execute(`vivarium.${command}`, machine, ...args));
        await until("the machine is as it shall be", () => show(client), after, 30_000);
        const texts = await notifications(world.vscode.page);
        if (outcome === done)
          assert.deepEqual(
            texts.filter((text) => /service|went away/i.test(text)),
            [],
          );
        else {
          await until(
            "it is said",
            () => notifications(world.vscode.page),
            (now) => now.some((text) => /^The background service went away( before it answered)?\. .*Machines /i.test(text)),
          );
          assert.deepEqual(await buttonsOf(world.vscode.page, "went away"), ["Try Again", "Show Log"]);
        }
      });
    }

    it("create: it says so, and nothing is half-made", async () => {
      const { page } = world.vscode;
      await world.vscode.command("Vivarium: Create Machine…");
      const pid = await world.home.vivdPid();
      await threeEnters(page, async (step) => {
        if (step === 3) process.kill(pid, "SIGSTOP");
      });
      await page.waitForTimeout(500);
      process.kill(pid, "SIGKILL");
      const client = await serviceAfter(world.home, pid);
      world = { ...world, client };
      await until(
        "it is said",
        () => notifications(page),
        (texts) => texts.some((text) => /^The background service went away/.test(text)),
      );
      await onlyWholeMachines(client);
      assert.ok((await buttonsOf(page, "went away")).includes("Try Again"));
    });
  });

  /** Every folder is a machine that vivd knows as a whole one. */
  async function onlyWholeMachines(client: VivClient): Promise<string[]> {
    const listed = await client.call("machine.list", {});
    assert.deepEqual(
      listed.filter(({ state }) => state === "damaged"),
      [],
    );
    const names = listed.map(({ name }) => name).sort();
    assert.deepEqual((await readdir(join(world.home.folder, "machines"))).sort(), names);
    return names;
  }

  it("a window that is reloaded in the middle of creating leaves a whole machine or none", async () => {
    const { vscode, home } = world;
    await vscode.command("Vivarium: Create Machine…");
    const pid = await home.vivdPid();
    await threeEnters(vscode.page, async (step) => {
      if (step === 3) process.kill(pid, "SIGSTOP");
    });
    await vscode.page.waitForTimeout(250);
    const reloading = vscode.reload();
    await vscode.page.waitForTimeout(1500);
    process.kill(pid, "SIGCONT");
    await reloading;
    await machineIs(vscode.page, machine, "running");
    const names = await until(
      "what was begun is done or undone",
      async () => onlyWholeMachines(world.client).catch(String),
      (found) => Array.isArray(found),
    );
    await rowsAre(
      vscode.page,
      `the rows are not ${names}`,
      (rows) => rows.filter((row) => /, (running|stopped)/.test(row)).length === names.length,
    );
    // And the next one is made as ever.
    await vscode.command("Vivarium: Create Machine…");
    await threeEnters(vscode.page);
    await until(
      "one machine more",
      () => world.client.call("machine.list", {}),
      (list) => list.length === names.length + 1 && list.every(({ state }) => state === "running" || state === "stopped"),
      60_000,
    );
    for (const { name } of await world.client.call("machine.list", {}))
      if (name !== machine) await world.client.call("machine.remove", { machine: name, force: true });
    await clear();
  });

  it("what others wrote into a machine is text in the tree and in its tooltip", async () => {
    const { page } = world.vscode;
    const hostile = `<img src=x onerror="document.title='pwned'"> [stop](command:vivarium.kill) $(trash) ![x](https://localhost/x.png)`;
    await world.client.call("machine.set", { machine, set: [`note=${JSON.stringify(hostile)}`] });
    const folder = world.home.machineFolder("<b>bold<img src=x onerror=alert(1)>");
    await mkdir(folder);
    await writeFile(join(folder, "vm.json"), "{ nope");
    world = { ...world, client: await killService(world.home) };
    await machineIs(page, "<b>bold<img src=x onerror=alert\\(1\\)>", "damaged");
    const tooltip = page.locator(".monaco-hover").filter({ hasText: "Guest agent" });
    for (let tries = 0; tries < 10 && !(await tooltip.isVisible()); tries += 1) {
      await page.mouse.move(900, 400);
      await machineRow(page, machine).hover();
      await tooltip.waitFor({ timeout: 3000 }).catch(() => undefined);
    }
    assert.ok((await tooltip.innerText()).includes(hostile.slice(0, 60)), await tooltip.innerText());
    assert.equal(await tooltip.locator("img, a, script, .codicon-trash").count(), 0);
    assert.equal(await page.locator(".part.sidebar .monaco-list-row img").count(), 0);
    await world.vscode.screenshot("machines-hostile", ["dark"]);
    await page.mouse.move(900, 400);
    await rm(folder, { recursive: true });
    await world.client.call("machine.set", { machine, set: ["note="] });
  });

  it("machines stay when VS Code is closed, which is said once", async () => {
    const { vscode, client } = world;
    const told = () => vscode.page.locator(".notification-toast").filter({ hasText: "Machines keep running when VS Code is closed." });
    const { pid } = await show(client);
    await vscode.close();
    await new Promise((wake) => setTimeout(wake, 2000));
    assert.deepEqual([(await show(client)).state, (await show(client)).pid], ["running", pid]);
    await vscode.reopen();
    await openSidebar(vscode.page);
    await machineIs(vscode.page, machine, "running");
    // It was said when this profile started its first machine, in the test of create above.
    await vscode.execute("vivarium.restart", machine);
    await client.call("machine.kill", { machine });
    await vscode.execute("vivarium.start", machine);
    assert.equal((await show(client)).state, "running");
    assert.equal(await told().count(), 0);
  });

  /** Last: the second window takes the tests' hand in the first one with it. */
  describe("a second window that does the opposite", () => {
    it("is told that a machine which it wanted to start was removed", async () => {
      const { page } = world.vscode;
      const other = await world.vscode.secondWindow();
      try {
        await openSidebar(other);
        await world.client.call("machine.kill", { machine });
        await world.client.call("machine.create", { name: "db", image: "starter", memory: "256M", set: ["display.type=none"] });
        await machineIs(other, "db", "stopped");
        await machineIs(page, "db", "stopped");
        // One chooses what the other removes meanwhile.
        await command(other, "Vivarium: Start Machine");
        const choice = other.locator(".quick-input-list .monaco-list-row", { hasText: "db" }).first();
        await choice.waitFor();
        await removeByKey(page, "db");
        await rowsAre(other, "the row is still there", (rows) => !rows.some((row) => row.startsWith("db,")));
        await choice.click();
        const texts = await until(
          "the other window says it",
          () => notifications(other),
          (found) => found.some((text) => /db/.test(text)),
        );
        assert.match(texts.join(" "), /There is no machine db any more: it was removed in another window/);
        assert.deepEqual(await buttonsOf(other, "db"), ["Restore"]);
        await answerNotification(other, "no machine db", "Restore");
        await machineIs(other, "db", "stopped");
        await machineIs(page, "db", "stopped");
        await other.screenshot({ path: "dist/screenshots/second-window-dark.png" });
      } finally {
        await other.context().close();
      }
    });

    it("and at the same moment one of both wins, and both windows agree", async () => {
      const { page } = world.vscode;
      const other = await world.vscode.secondWindow();
      try {
        await openSidebar(other);
        await machineIs(other, "db", "stopped");
        await command(other, "Vivarium: Start Machine");
        await other.locator(".quick-input-list .monaco-list-row.focused", { hasText: "db" }).waitFor();
        await machineRow(page, "db").click();
        await page.waitForTimeout(500);
        await Promise.all([page.keyboard.press("Delete"), other.keyboard.press("Enter")]);
        const settled = await until(
          "it is over",
          async () => (await world.client.call("machine.list", {})).find(({ name }) => name === "db")?.state ?? "removed",
          (state) => state === "removed" || state === "running",
          60_000,
        );
        const agrees = (rows: string[]) =>
          settled === "removed" ? !rows.some((row) => row.startsWith("db,")) : rows.some((row) => /^db, running/.test(row));
        await rowsAre(page, `the first window does not show ${settled}`, agrees);
        await rowsAre(other, `the second window does not show ${settled}`, agrees);
      } finally {
        await other.context().close();
      }
    });
  });
});
