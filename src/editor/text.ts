import * as vscode from "vscode";

/**
 * Names, notes, logs and errors can carry text of a guest or of a file somebody sent. In labels it must stay one line
 * without control characters and direction marks; in markdown it must stay text.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g;

/** One line; `$(icon)` syntax, which labels of the status bar and quick picks read, is broken up. */
export function plain(text: string, maximum = 200): string {
  const line = text.replace(controls, " ").replaceAll("$(", "$\u200a(").trim();
  return line.length > maximum ? `${line.slice(0, maximum - 1)}…` : line;
}

/** Text inside markdown that must not become a link, an image, HTML or a table. */
export function escapeMarkdown(text: string): string {
  return plain(text, 2000).replace(/[\\`*_{}[\]()#+\-.!|<>~&:@/]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Markdown without HTML and without command links: what guests and files say goes only through `escapeMarkdown`. */
export function untrustedMarkdown(value = ""): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString(value, true);
  markdown.isTrusted = false;
  markdown.supportHtml = false;
  return markdown;
}
