import * as vscode from "vscode";
import { escapeHtml as html, pageHtml } from "../ui/index.ts";
import type { Fit, PageState } from "./messages.ts";

const { t } = vscode.l10n;

/** Combinations the browser, the editor or the host would keep for themselves: `KeyboardEvent.code`s pressed together. */
const combinations: readonly (readonly [label: string, codes: string])[] = [
  ["Ctrl+Alt+Delete", "ControlLeft AltLeft Delete"],
  ["Ctrl+Alt+Backspace", "ControlLeft AltLeft Backspace"],
  ["Ctrl+Alt+F1", "ControlLeft AltLeft F1"],
  ["Ctrl+Alt+F2", "ControlLeft AltLeft F2"],
  ["Ctrl+Alt+F7", "ControlLeft AltLeft F7"],
  ["Alt+Tab", "AltLeft Tab"],
  ["Alt+F4", "AltLeft F4"],
  ["Ctrl+W", "ControlLeft KeyW"],
  ["F1", "F1"],
  ["F11", "F11"],
  ["Super", "MetaLeft"],
  ["Esc", "Escape"],
  ["PrtSc", "PrintScreen"],
];

/** Everything static; what changes comes by message and is set as text. */
export function consoleHtml(webview: vscode.Webview, extensionUri: vscode.Uri, state: PageState): string {
  const title = t("{0} – Console", state.name);
  return pageHtml(webview, extensionUri, { title, styles: ["console-style.css"], module: "console.js", body: body(state) });
}

function body(state: PageState): string {
  const label = html(t("Console of {0}", state.name));
  return `<main class="console" aria-label="${label}" data-state="${html(JSON.stringify(state))}">
<div class="toolbar" role="group" aria-label="${html(t("Console"))}">
  <button id="ctrl-alt-delete" type="button" aria-label="Ctrl+Alt+Delete">Ctrl+Alt+Del</button>
  <div class="menu">
    <button id="keys" type="button" aria-haspopup="menu" aria-expanded="false" aria-controls="keys-menu">${html(t("Keys"))} <span aria-hidden="true">▾</span></button>
    <div id="keys-menu" role="menu" aria-label="${html(t("Send keys"))}" hidden>
${combinations.map(([name, codes]) => `      <button type="button" role="menuitem" tabindex="-1" data-codes="${codes}">${name}</button>`).join("\n")}
      <button type="button" role="menuitem" tabindex="-1" id="other-keys">${html(t("Other …"))}</button>
    </div>
  </div>
  <button id="type-clipboard" type="button" title="${html(t("Types the clipboard’s text on the guest’s keyboard"))}">${html(t("Type Clipboard"))}</button>
  <button id="screenshot" type="button" title="${html(t("Saves the guest’s screen as a picture"))}">${html(t("Screenshot"))}</button>
  <label class="visually-hidden" for="fit">${html(t("Size of the screen"))}</label>
  <select id="fit">${option("scale", t("Scale to Fit"), state.fit)}${option("resize", t("Resize the Guest"), state.fit)}${option("actual", t("Actual Size"), state.fit)}</select>
  <button id="fill" type="button" title="${html(t("Hides everything around the console, and shows it again"))}">${html(t("Fill Window"))}</button>
  <span class="spacer"></span>
  <button id="keyboard" type="button" data-captured="${html(t("Release (Ctrl+Alt+G)"))}" data-free="${html(t("Use Keyboard"))}">${html(t("Use Keyboard"))}</button>
</div>
<div class="stage">
  <div id="screen"></div>
  <div id="overlay" hidden>
    <div class="card" role="status" aria-live="polite">
      <div class="progress" hidden aria-hidden="true"></div>
      <h1 id="overlay-title"></h1>
      <p id="overlay-detail"></p>
    </div>
    <div id="overlay-buttons" class="buttons"></div>
  </div>
</div>
</main>`;
}

function option(value: Fit, label: string, chosen: Fit): string {
  return `<option value="${value}"${value === chosen ? " selected" : ""}>${html(label)}</option>`;
}
