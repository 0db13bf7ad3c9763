import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

export interface PageParts {
  readonly title: string;
  /** Files of `dist/webviews`. */
  readonly styles: readonly string[];
  /** Classic scripts, before the module. */
  readonly scripts?: readonly string[];
  readonly module: string;
  /** HTML that is ours; what others wrote goes through `escapeHtml`, or better by message. */
  readonly body: string;
}

/** A page of ours: no inline script or style, nothing from elsewhere, no connection to anywhere. */
export function pageHtml(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  { title, styles, scripts = [], module, body }: PageParts,
): string {
  const nonce = randomBytes(16).toString("base64");
  const resource = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(webviewFolder(extensionUri), name)).toString();
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
${styles.map((name) => `<link rel="stylesheet" href="${resource(name)}">`).join("\n")}
${scripts.map((name) => `<script nonce="${nonce}" src="${resource(name)}"></script>`).join("\n")}
<title>${escapeHtml(title)}</title>
</head>
<body>
${body}
<script nonce="${nonce}" type="module" src="${resource(module)}"></script>
</body>
</html>`;
}

export function webviewFolder(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, "dist", "webviews");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
