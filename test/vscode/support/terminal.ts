import { randomBytes } from "node:crypto";
import type { Page } from "playwright-core";
import { until } from "./until.ts";

/** The terminal that is in front, as its accessible rows say it. */
export async function terminalText(page: Page): Promise<string> {
  const rows = page.locator(".terminal-wrapper.active .xterm-rows > div");
  return (await rows.allInnerTexts()).join("\n").replaceAll("\u00a0", " ");
}

export function terminalShows(page: Page, text: string | RegExp): Promise<string> {
  return until(
    `the terminal shows ${String(text)}`,
    () => terminalText(page),
    (rows) => (typeof text === "string" ? rows.includes(text) : text.test(rows)),
    30_000,
  );
}

export async function typeInTerminal(page: Page, text: string): Promise<void> {
  await page.locator(".terminal-wrapper.active .xterm-screen").click();
  await page.keyboard.type(text, { delay: 5 });
}

/** A command that says a word which is not in the command itself: it went to the guest and came back. */
export async function terminalRoundTrip(page: Page): Promise<void> {
  const token = randomBytes(4).toString("hex");
  await typeInTerminal(page, `echo ${token} | tr a-f A-F\r`);
  await terminalShows(page, token.toUpperCase());
}
