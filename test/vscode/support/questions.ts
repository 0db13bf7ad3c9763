import type { Page } from "playwright-core";
import { until } from "./until.ts";

/** An entry of the menu of a row. */
export async function chooseInMenu(page: Page, row: ReturnType<Page["locator"]>, entry: string): Promise<void> {
  await row.click({ button: "right" });
  const label = page.locator(".monaco-menu .action-label").filter({ hasText: entry }).first();
  await label.waitFor();
  // A menu that has just opened takes no click: the one that opened it could be meant.
  await until(
    `${entry} was chosen`,
    async () => {
      await label.click({ timeout: 1000 }).catch(() => undefined);
      return label.count();
    },
    (count) => count === 0,
  );
}

/** Types into the question that is on screen. */
export async function answerQuestion(page: Page, title: string, text: string): Promise<void> {
  const box = page.locator(".quick-input-widget").filter({ hasText: title });
  await box.waitFor();
  await box.locator("input.input").fill(text);
  await page.keyboard.press("Enter");
  await box.waitFor({ state: "hidden" });
}
