/** The Machines view by mouse and keyboard. */
import type { Locator, Page } from "playwright-core";
import { treeRows } from "./workbench.ts";

export async function openSidebar(page: Page): Promise<void> {
  const icon = page.locator(".activitybar .action-item").filter({ has: page.locator("a[aria-label^='Vivarium']") });
  await icon.waitFor();
  // A second click would close it. Its corner: the badge lies over the middle.
  const isOpen = /\bchecked\b/.test((await icon.getAttribute("class")) ?? "");
  if (!isOpen) await icon.click({ position: { x: 8, y: 8 } });
}

export function machineRow(page: Page, text: string): Locator {
  return page.locator(".part.sidebar .monaco-list-row").filter({ hasText: text }).first();
}

/** Presses a button that shows on the row while the mouse is on it. */
export async function rowButton(page: Page, machine: string, label: string): Promise<void> {
  const row = machineRow(page, machine);
  await row.hover();
  await row.locator(`.actions a[aria-label^="${label}"]`).click();
}

/** Chooses a row and presses Delete. */
export async function removeByKey(page: Page, machine: string): Promise<void> {
  await machineRow(page, machine).click();
  // The choice must have reached the extension host, or it asks which machine is meant.
  await page.waitForTimeout(500);
  await page.keyboard.press("Delete");
}

/** Waits until the rows, as a screen reader says them, are as wanted. */
export async function rowsAre(page: Page, what: string, fits: (rows: string[]) => boolean, timeoutMs = 60_000): Promise<string[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await treeRows(page);
    if (fits(found)) return found;
    if (Date.now() > deadline) throw new Error(`${what}; the rows are: ${found.join(" | ") || "none"}`);
    await page.waitForTimeout(50);
  }
}

export function machineIs(page: Page, machine: string, state: RegExp | string, timeoutMs?: number): Promise<string[]> {
  const wanted = new RegExp(`^${machine}, ${typeof state === "string" ? state : state.source}`);
  return rowsAre(page, `${machine} is not ${String(state)}`, (rows) => rows.some((row) => wanted.test(row)), timeoutMs);
}

/** Enter, and Enter, and Enter: what the defaults of New Machine make. */
export async function threeEnters(page: Page, eachStep: (step: number) => Promise<unknown> = async () => undefined): Promise<void> {
  const quickInput = page.locator(".quick-input-widget");
  for (const step of [1, 2, 3]) {
    await quickInput.getByText(`(${step}/3)`).waitFor();
    if (step < 3) await quickInput.locator(".monaco-list-row.focused").waitFor();
    await eachStep(step);
    await page.keyboard.press("Enter");
  }
}

/** Presses a button of a notification. */
export async function answerNotification(page: Page, text: string | RegExp, button: string): Promise<void> {
  const toast = page.locator(".notification-toast").filter({ hasText: text }).first();
  await toast.waitFor({ timeout: 30_000 });
  await toast.getByText(button, { exact: true }).click();
}
