export { escapeHtml, type PageParts, pageHtml, webviewFolder } from "./html.ts";
export { dispatch, type Handlers, type Message } from "./messages.ts";
export { pageTexts } from "./texts.ts";
