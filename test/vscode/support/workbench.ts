/** What a person does in the workbench, by the labels a person (or a screen reader) reads. */
import type { Frame, Page } from "playwright-core";
import type { ThemeName } from "./settings.ts";
import { until } from "./until.ts";

/** The class VS Code gives its root for each kind of theme. */
const themeClasses: Readonly<Record<ThemeName, string>> = {
  dark: "vs-dark",
  light: "vs",
  contrast: "hc-black",
  "contrast-light": "hc-light",
};

export async function ready(page: Page): Promise<void> {
  await page.waitForSelector(".monaco-workbench .statusbar", { timeout: 90_000 });
  // The remote indicator names the host once the extension host's connection stands.
  await page.waitForSelector(".monaco-workbench .part.editor", { timeout: 30_000 });
}

export async function themeApplied(page: Page, theme: ThemeName): Promise<void> {
  await page.waitForSelector(`.monaco-workbench.${themeClasses[theme]}`);
  // Webviews get their colours by a message after the workbench has its own.
  await page.waitForTimeout(400);
}

export async function command(page: Page, title: string): Promise<void> {
  const input = page.locator(".quick-input-widget input.input");
  await releaseKeyboard(page);
  await page.keyboard.press("F1");
  await input.waitFor({ state: "visible" });
  await input.fill(`>${title}`);
  const row = page
    .locator(".quick-input-list .monaco-list-row")
    .filter({ has: page.getByText(title, { exact: true }) })
    .first();
  await row.waitFor({ state: "visible", timeout: 30_000 }).catch(async () => {
    const offered = await page.locator(".quick-input-list .monaco-list-row").allInnerTexts();
    throw new Error(`The palette has no “${title}”; it offers: ${offered.slice(0, 8).join(" | ") || "nothing"}.`);
  });
  // The list may still move under the pointer: the focused row is taken by Enter.
  const focused = page.locator(".quick-input-list .monaco-list-row.focused").filter({ has: page.getByText(title, { exact: true }) });
  if ((await focused.count()) > 0) await page.keyboard.press("Enter");
  else await row.click();
  const taken = async () => (await input.isHidden()) || (await input.inputValue()) !== `>${title}`;
  await until(`the palette takes “${title}”`, taken, (isTaken) => isTaken);
}

/** A focused webview may keep every key for itself: a click on the status bar gives the keyboard back. */
async function releaseKeyboard(page: Page): Promise<void> {
  const inFrame = await page.evaluate("document.activeElement instanceof HTMLIFrameElement");
  if (inFrame) await page.evaluate("document.activeElement.blur()");
}

export async function treeRows(page: Page): Promise<string[]> {
  const rows = page.locator(".part.sidebar .monaco-list-row");
  return await rows.evaluateAll((found) => found.map((row) => row.getAttribute("aria-label") ?? ""));
}

/** Waits for a webview's document with this title. Its frame is `#active-frame` in the frame VS Code makes for it. */
export async function webview(page: Page, title: string | RegExp, timeoutMs = 30_000): Promise<Frame> {
  const deadline = Date.now() + timeoutMs;
  let seen: string[] = [];
  for (;;) {
    seen = [];
    for (const frame of page.frames()) {
      if (frame.name() !== "active-frame" && !(await isActiveFrame(frame))) continue;
      const found = await frame.title().catch(() => "");
      seen.push(found);
      if (typeof title === "string" ? found === title : title.test(found)) return frame;
    }
    if (Date.now() > deadline) throw new Error(`There is no webview “${String(title)}”; there are: ${seen.join(" | ") || "none"}.`);
    await page.waitForTimeout(100);
  }
}

async function isActiveFrame(frame: Frame): Promise<boolean> {
  if (!frame.parentFrame()) return false;
  try {
    const element = await frame.frameElement();
    return (await element.getAttribute("id")) === "active-frame";
  } catch {
    return false;
  }
}
