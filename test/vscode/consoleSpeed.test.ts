import assert from "node:assert/strict";
import type { Frame } from "playwright-core";
import { guest, starterMachine } from "../support/home.ts";
import { type EditorWorld, editorWorld, until } from "./support/index.ts";
import { type PlainVnc, plainVnc } from "./support/plainVnc.ts";

/**
 * The console's speed on a guest that scrolls random text at 1024×768, against noVNC over a plain WebSocket to the same
 * QEMU in the same run. Each draws alone, in turn; a frame is one picture that noVNC put on the visible canvas. What was
 * measured, and where the time goes: docs/performance.md.
 */
const countFrames = `(() => {
  if (window.frameTimes) return;
  window.frameTimes = [];
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...args) {
    if (this.canvas.isConnected) window.frameTimes.push(performance.now());
    return draw.apply(this, args);
  };
})()`;

const roundMs = 4000;
const rounds = 5;

describe("the console's speed", function () {
  this.timeout(240_000);
  let world: EditorWorld;
  let plain: PlainVnc;

  before(async () => {
    world = await editorWorld();
    await starterMachine(world.client, "fast", { start: true, set: ["display.type=virtio"] });
    plain = await plainVnc((await world.client.call("machine.displaySocket", { machine: "fast" })).path);
  });
  after(async () => {
    await plain?.dispose();
    await world?.dispose();
  });

  async function framesPerSecond(frame: Frame): Promise<number> {
    // Until the guest has loaded its graphics driver it shows 720×400.
    await until(
      "the guest shows 1024×768",
      () => frame.evaluate<number>("document.querySelector('canvas')?.width ?? 0"),
      (width) => width === 1024,
      90_000,
    );
    await frame.evaluate(countFrames);
    await frame.page().waitForTimeout(500);
    await frame.evaluate("window.frameTimes.length = 0");
    await frame.page().waitForTimeout(roundMs);
    const frames = await frame.evaluate<number>("window.frameTimes.length");
    return frames / (roundMs / 1000);
  }

  async function inTheEditor(): Promise<number> {
    await world.vscode.execute("vivarium.openConsole", { machine: "fast" });
    const rate = await framesPerSecond(await world.vscode.webview(/^fast .*Console$/));
    await world.vscode.execute("workbench.action.closeActiveEditor");
    return rate;
  }

  async function inAPlainPage(): Promise<number> {
    const page = await world.vscode.page.context().newPage();
    try {
      // The same area as the console has.
      await page.setViewportSize({ width: 920, height: 660 });
      await page.goto(plain.address);
      return await framesPerSecond(page.mainFrame());
    } finally {
      await page.close();
    }
  }

  it("is at least 0.8 of noVNC over a WebSocket, and eight pictures a second where the host can", async () => {
    await guest(world.client, "fast", "/bin/sh", "-c", "(base64 /dev/urandom > /dev/tty1) > /dev/null 2>&1 & echo $! > /tmp/scroll");
    const [editor, page]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      page.push(await inAPlainPage());
      editor.push(await inTheEditor());
    }
    await guest(world.client, "fast", "/bin/sh", "-c", "kill $(cat /tmp/scroll)");
    const [console_, websocket] = [median(editor), median(page)];
    // Of neighbours in time, so that other work on the host weighs on both.
    const ratio = median(editor.map((rate, round) => rate / (page[round] ?? Number.NaN)));
    console.log(`      pictures a second in the editor: ${editor.join(", ")}; over a WebSocket: ${page.join(", ")}`);
    console.log(`      medians ${console_.toFixed(1)} and ${websocket.toFixed(1)}; ratio of each pair, median: ${ratio.toFixed(2)}`);
    // Where even the plain page does not reach eight, the host is too busy to tell: what the console adds is still held.
    assert.ok(console_ >= Math.min(8, websocket), `${console_} pictures a second`);
    assert.ok(ratio >= 0.8, `${ratio} of noVNC over a WebSocket`);
  });

  it("shows a key within 150 ms (median)", async () => {
    await guest(world.client, "fast", "/bin/sh", "-c", "printf '\\033c\\033[?25l' > /dev/tty1");
    await world.vscode.execute("vivarium.openConsole", { machine: "fast" });
    const frame = await world.vscode.webview(/^fast .*Console$/);
    await frame.locator("canvas").click();
    await frame.evaluate(countFrames);
    await frame.evaluate("window.addEventListener('keydown', () => { window.pressedAt = performance.now(); }, true)");
    const delays: number[] = [];
    for (let key = 0; key < 15; key += 1) {
      await world.vscode.page.waitForTimeout(150);
      await frame.evaluate("window.frameTimes.length = 0");
      await world.vscode.page.keyboard.press("x");
      const delay = () =>
        frame.evaluate<number | null>("window.frameTimes.map((at) => at - window.pressedAt).find((ms) => ms > 0) ?? null");
      delays.push((await until("a picture after the key", delay, (ms) => ms !== null)) ?? Number.NaN);
    }
    console.log(`      ${median(delays).toFixed(0)} ms from key to picture (median of ${delays.length})`);
    assert.ok(median(delays) <= 150, `${median(delays)} ms`);
  });
});

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
