import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

export interface PageParts {
  readonly title: string;
  /** Files of `dist/webviews`. */
  readonly styles: readonly string[];
  /** Classic scripts, before the module. */
  readonly scripts?: readonly string[];
  readonly module: string;
  /**
   * Contents of those files (`pageTexts`), to be carried inside the page: each file of its own is fetched by way of a
   * service worker, the workbench and the extension's host, and nothing is on screen before.
   */
  readonly texts?: ReadonlyMap<string, string>;
  /** HTML that is ours; what others wrote goes through `escapeHtml`, or better by message. */
  readonly body: string;
}

/** A page of ours: no script or style without this page's nonce, nothing from elsewhere, no connection to anywhere. */
export function pageHtml(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  { title, styles, scripts = [], module, texts, body }: PageParts,
): string {
  const nonce = randomBytes(16).toString("base64");
  const resource = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(webviewFolder(extensionUri), name)).toString();
  const style = (name: string) => {
    const text = texts?.get(name);
    return text === undefined
      ? `<link rel="stylesheet" href="${resource(name)}">`
      : `<style nonce="${nonce}">${text.replaceAll("</style", "<\\/style")}</style>`;
  };
  const script = (name: string, type: string) => {
    const text = texts?.get(name);
    const open = `<script nonce="${nonce}"${type}`;
    return text === undefined ? `${open} src="${resource(name)}"></script>` : `${open}>${insideScript(text)}</script>`;
  };
  // noVNC draws the guest's cursor from a data: image. The component library tries out a style of its own: it takes the
  // nonce from the meta element below.
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource} 'nonce-${nonce}'`,
    "img-src data:",
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${escapeHtml(vscode.env.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${styles.map(style).join("\n")}
${scripts.map((name) => script(name, "")).join("\n")}
<title>${escapeHtml(title)}</title>
</head>
<body>
${body}
${script(module, ' type="module"')}
</body>
</html>`;
}

export function webviewFolder(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, "dist", "webviews");
}

/** What would end the script for HTML. Our programs have it in strings and regular expressions alone, where it may be so written. */
function insideScript(program: string): string {
  return program.replace(/<(?=\/script|!--)/gi, "\\x3c");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
