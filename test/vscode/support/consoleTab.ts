/** A machine's console as a person sees it. */
import { randomBytes } from "node:crypto";
import type { Frame } from "playwright-core";
import type { VivClient } from "../../../src/api/index.ts";
import { guest } from "../../support/home.ts";
import { coloursShown, equalPixels } from "./guestScreen.ts";
import { until } from "./until.ts";
import type { Vscode } from "./vscode.ts";

const title = (machine: string) => new RegExp(`^${machine} .*Console$`);

/** The console's page once it shows a picture with nothing over it. */
export async function consoleOf(vscode: Vscode, machine: string): Promise<Frame> {
  const frame = await vscode.webview(title(machine));
  await until(
    "the console shows a picture",
    () => coloursShown(frame),
    (colours) => colours > 1,
    30_000,
  );
  await until(
    "nothing lies over the console",
    () => frame.locator("#overlay").isHidden(),
    (hidden) => hidden,
  );
  return frame;
}

/** Waits for what lies over the screen; its text. */
export function consoleSays(vscode: Vscode, machine: string, text: RegExp, timeoutMs = 30_000): Promise<string> {
  const overlay = async () => {
    const frame = await vscode.webview(title(machine));
    return (await frame.locator("#overlay").isVisible()) ? frame.locator("#overlay").innerText() : "";
  };
  return until(`the console says ${String(text)}`, overlay, (said) => text.test(said), timeoutMs);
}

/** At least 99 % of the canvas is as QEMU's own picture of the screen. */
export async function showsTheScreen(client: VivClient, machine: string, frame: Frame): Promise<number> {
  return until(
    "part of the pixels that are equal",
    () => equalPixels(client, machine, frame),
    (part) => part >= 0.99,
  );
}

/** A random word typed in the browser is read back from the guest by its agent. (Playwright types no Shift: no capitals.) */
export async function typesIntoTheGuest(vscode: Vscode, client: () => Promise<VivClient>, machine: string, frame: Frame): Promise<void> {
  const token = randomBytes(6).toString("hex");
  await frame.locator("canvas").click();
  await vscode.page.keyboard.type(`touch /tmp/${token}\n`, { delay: 15 });
  const read = async () => guest(await client(), machine, "/bin/ls", "/tmp");
  await until("the guest has the word", read, (names) => names.includes(token));
}
