import type { Page } from "playwright-core";

/** The texts of the notifications that are on screen. */
export async function notifications(page: Page): Promise<string[]> {
  const toasts = page.locator(".notification-toast .notification-list-item-message");
  return (await toasts.allInnerTexts()).map((text) => text.trim());
}

/** The texts of a notification's buttons. */
export async function buttonsOf(page: Page, text: string | RegExp): Promise<string[]> {
  const toast = page.locator(".notification-toast").filter({ hasText: text }).first();
  return (await toast.locator(".notification-list-item-buttons-container .monaco-button").allInnerTexts()).map((one) => one.trim());
}
