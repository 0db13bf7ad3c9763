import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { starterMachine, type TestHome } from "../support/home.ts";
import { type EditorWorld, editorWorld, until } from "./support/index.ts";

/**
 * How fast the extension is in a real VS Code, on a home of a thousand machines. Of several tries the median counts. Other
 * work on the host only ever adds: where there is some (more than two processes want each core, or an empty webview takes
 * more than `quietMs`), the quickest counts. The limits stay. How it is counted, and what was measured: docs/performance.md.
 */
const machines = 1000;
const quietMs = 200;

describe("the editor's speed", function () {
  this.timeout(180_000);
  let world: EditorWorld;
  let isQuiet: boolean;

  before(async () => {
    world = await editorWorld({ prepare: manyMachines });
    const bare = await bareWebviews(7);
    const [load = 0] = loadavg();
    isQuiet = load <= 2 * availableParallelism() && median(bare) <= quietMs;
    const how = isQuiet ? "the median counts" : "the host has other work: the quickest counts";
    console.log(`      load ${load.toFixed(1)}; an empty webview: ${bare.join(", ")} ms; ${how}`);
  });
  after(async () => {
    await world?.dispose();
  });

  async function bareWebviews(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let round = 0; round < count; round += 1) times.push(Math.round(await world.vscode.bareWebviewMs()));
    return times;
  }

  function holds(what: string, times: readonly number[], limitMs: number): void {
    const counted = isQuiet ? median(times) : Math.min(...times);
    console.log(`      ${what}: ${counted} ms of at most ${limitMs} (${times.join(", ")})`);
    assert.ok(counted <= limitMs, `${what}: ${times.join(", ")} ms`);
  }

  const opening: number[] = [];

  it("activates within 60 ms", async () => {
    const activation: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      await world.vscode.execute("workbench.view.explorer");
      // VS Code writes down a moment later which view is shown: a click on one that is shown would hide it.
      await world.vscode.page.waitForTimeout(1500);
      await world.vscode.reload();
      await extensionHostIsUp();
      opening.push(await openTree());
      activation.push(await activationMs());
    }
    holds("activation", activation, 60);
  });

  it("opens a thousand machines within 500 ms of the click, activation included", () => {
    holds(`tree of ${machines} machines opens`, opening, 500);
  });

  /** VS Code starts it after the workbench; the palette opens when the new one, not the one before the reload, hears us. */
  async function extensionHostIsUp(): Promise<void> {
    const { page } = world.vscode;
    const palette = page.locator(".quick-input-widget input.input");
    const opened = async () => {
      await world.vscode.execute("workbench.action.showCommands");
      return palette.waitFor({ state: "visible", timeout: 1000 }).then(
        () => true,
        () => false,
      );
    };
    await until("the new extension host is up", opened, (isOpen) => isOpen);
    await page.keyboard.press("Escape");
    // What starts with every window has started.
    await page.waitForTimeout(3000);
  }

  /** In a window that has just come up: from the click in the activity bar to rows on screen, activation included. */
  async function openTree(): Promise<number> {
    const { page } = world.vscode;
    await page.evaluate(`
      window.treeOpened = new Promise((resolve, reject) => {
        let clicked;
        window.addEventListener("pointerdown", () => { clicked = performance.now(); }, { capture: true, once: true });
        const look = () => {
          const rows = document.querySelectorAll('.part.sidebar .monaco-list-row[aria-label^="m"]');
          if (clicked !== undefined && rows.length > 10) requestAnimationFrame(() => resolve(performance.now() - clicked));
          else requestAnimationFrame(look);
        };
        look();
        setTimeout(() => reject(new Error("no rows within 20 s")), 20_000);
      });
      0`);
    await page.locator(".activitybar .action-item a.action-label[aria-label^='Vivarium']").click();
    return Math.round(await page.evaluate<number>("window.treeOpened"));
  }

  /** VS Code's own figure: loading the code and calling `activate`. */
  async function activationMs(): Promise<number> {
    const { page } = world.vscode;
    await world.vscode.execute("workbench.action.showRuntimeExtensions");
    const row = page.locator(".runtime-extensions-editor .monaco-list-row").filter({ hasText: "Vivarium: virtual machines" }).first();
    const text = await row.innerText();
    await world.vscode.execute("workbench.action.closeActiveEditor");
    const shown = /Activation: (\d+)ms/.exec(text)?.[1];
    assert.ok(shown !== undefined, `VS Code says of us: ${text}`);
    return Number(shown);
  }

  it("filters a thousand machines within 100 ms of a key", async () => {
    const { page } = world.vscode;
    await world.vscode.execute("vivarium.machines.focus");
    await world.vscode.command("Vivarium: Filter Machines");
    const input = page.locator(".quick-input-widget input.input");
    await input.waitFor({ state: "visible" });
    const times: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      const wanted = round % 2 === 0 ? "m07" : "m0";
      const shown = round % 2 === 0 ? "m0700" : "m0000";
      await page.evaluate(`
        window.filtered = new Promise((resolve, reject) => {
          let typed;
          window.addEventListener("input", () => { typed = performance.now(); }, { capture: true, once: true });
          const look = () => {
            const first = document.querySelector('.part.sidebar .monaco-list-row[aria-label^="m"]');
            const isSo = typed !== undefined && first?.getAttribute("aria-label")?.startsWith("${shown}");
            if (isSo) requestAnimationFrame(() => resolve(performance.now() - typed));
            else requestAnimationFrame(look);
          };
          look();
          setTimeout(() => reject(new Error("not filtered within 20 s")), 20_000);
        });
        0`);
      await input.fill(wanted);
      times.push(Math.round(await page.evaluate<number>("window.filtered")));
      await page.waitForTimeout(300);
    }
    await page.keyboard.press("Escape");
    holds("key to filtered rows", times, 100);
  });

  it("repaints a row within 50 ms of the state's change in vivd", async () => {
    const { page } = world.vscode;
    await world.client.call("machine.start", { machine: "a-real-one" });
    await world.client.call("machine.wait", { machine: "a-real-one", for: "agent", timeoutMs: 120_000 });
    await world.vscode.execute("vivarium.machines.focus");
    const row = page.locator('.part.sidebar .monaco-list-row[aria-label^="a-real-one"]');
    await row.waitFor();
    const saidAt = new Map<string, number>();
    const listening = world.client.onEvent((event) => {
      if (event.event !== "machine.changed" || event.machine.name !== "a-real-one" || event.machine.operation) return;
      const { state } = event.machine;
      if (!saidAt.has(state)) saidAt.set(state, Date.parse(event.at));
    });
    await page.evaluate(`
      window.paintedAt = {};
      new MutationObserver(() => {
        const label = document.querySelector('.part.sidebar .monaco-list-row[aria-label^="a-real-one"]')?.getAttribute("aria-label") ?? "";
        const state = /paused/i.test(label) ? "paused" : "running";
        window.paintedAt[state] ??= performance.timeOrigin + performance.now();
      }).observe(document.querySelector(".part.sidebar"), { subtree: true, childList: true, attributes: true, characterData: true });
      0`);
    const times: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const state = round % 2 === 0 ? "paused" : "running";
      saidAt.clear();
      await page.evaluate("window.paintedAt = {}");
      await world.client.call(state === "paused" ? "machine.pause" : "machine.resume", { machine: "a-real-one" });
      const painted = () => page.evaluate<number | null>(`window.paintedAt["${state}"] ?? null`);
      const at = (await until(`the row says ${state}`, painted, (found) => found !== null)) ?? Number.NaN;
      times.push(Math.round(at - (saidAt.get(state) ?? Number.NaN)));
      await page.waitForTimeout(300);
    }
    listening();
    await world.client.call("machine.kill", { machine: "a-real-one" });
    holds("change to row", times, 50);
  });

  it("shows the settings form within 300 ms", async () => {
    const times: number[] = [];
    await openForm();
    for (let round = 0; round < 7; round += 1) times.push(await openForm());
    console.log(`      an empty webview at the same time: ${(await bareWebviews(3)).join(", ")} ms`);
    holds("settings form", times, 300);
  });

  /** The extension's own figure, from its log: from the panel that VS Code gives it to two frames after the form is there. */
  async function openForm(): Promise<number> {
    const read = async () => [...(await world.vscode.extensionLog()).matchAll(/on screen after (\d+) ms/g)].map(([, ms]) => Number(ms));
    const { length } = await read();
    await world.vscode.execute("vivarium.editSettings", "m0001");
    const times = await until("the form is on screen", read, (found) => found.length > length);
    await world.vscode.execute("workbench.action.closeActiveEditor");
    return times.at(-1) ?? Number.NaN;
  }
});

/** One machine that can run, and copies of its definition: stopped machines are only ever read. */
async function manyMachines(home: TestHome): Promise<void> {
  const client = await home.client();
  await starterMachine(client, "a-real-one");
  await client.call("daemon.stop", {});
  await client.closed;
  const text = await readFile(join(home.machineFolder("a-real-one"), "vm.json"), "utf8");
  const state = await readFile(join(home.machineFolder("a-real-one"), "state.json"), "utf8");
  const { id } = JSON.parse(text.replace(/^\/\/.*\n/gm, "")) as { id: string };
  for (let number = 0; number < machines; number += 1) {
    const name = `m${String(number).padStart(4, "0")}`;
    await mkdir(home.machineFolder(name), { recursive: true });
    await writeFile(join(home.machineFolder(name), "vm.json"), text.replaceAll("a-real-one", name).replace(id, randomUUID()));
    await writeFile(join(home.machineFolder(name), "state.json"), state);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
