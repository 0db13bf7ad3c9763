import { applyEdits, findNodeAtLocation, modify, type Node, parseTree } from "jsonc-parser";
import { segments } from "./paths.ts";

/** Changes of a `vm.json` as text: what a person wrote around the value (comments, order, indentation) stays. */

export interface ValueEdit {
  readonly path: string;
  /** undefined: the key is taken out. */
  readonly value: unknown;
}

export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

export function editText(text: string, edits: readonly ValueEdit[]): string {
  return edits.reduce((current, { path, value }) => editOne(current, segments(path), value), text);
}

function editOne(text: string, path: readonly (string | number)[], value: unknown): string {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const added = root && value !== undefined && !findNodeAtLocation(root, [...path]) ? insertion(text, root, path, value) : undefined;
  if (added !== undefined) return added;
  return applyEdits(text, modify(text, [...path], value, { formattingOptions: formatting(text) }));
}

/**
 * A new key or item at the end of a list that is written over several lines. jsonc-parser would put it between the last
 * value and the comment behind it.
 */
function insertion(text: string, root: Node, path: readonly (string | number)[], value: unknown): string | undefined {
  let depth = path.length - 1;
  let container = findNodeAtLocation(root, path.slice(0, depth));
  while (!container && depth > 0) {
    depth -= 1;
    container = findNodeAtLocation(root, path.slice(0, depth));
  }
  const last = container?.children?.at(-1);
  if (!container || !last || (container.type !== "object" && container.type !== "array")) return undefined;
  const { eol, tabSize, insertSpaces } = formatting(text);
  const lineStart = text.lastIndexOf("\n", last.offset) + 1;
  const indent = /^[ \t]*/.exec(text.slice(lineStart))?.[0] ?? "";
  if (lineStart <= container.offset || text.slice(lineStart, last.offset).trim() !== "") return undefined;
  const content = path.slice(depth + 1).reduceRight<unknown>((inner, key) => (typeof key === "number" ? [inner] : { [key]: inner }), value);
  const json = JSON.stringify(content, null, insertSpaces ? tabSize : "\t").replaceAll("\n", `${eol}${indent}`);
  const written = container.type === "array" ? json : `${JSON.stringify(String(path[depth]))}: ${json}`;
  const end = last.offset + last.length;
  const hasComma = /^\s*,/.exec(text.slice(end));
  const afterComma = end + (hasComma?.[0].length ?? 0);
  const comment = /^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/)?/.exec(text.slice(afterComma))?.[0] ?? "";
  const at = afterComma + comment.trimEnd().length;
  return `${text.slice(0, end)}${hasComma ? "" : ","}${text.slice(end, at)}${eol}${indent}${written}${hasComma ? "," : ""}${text.slice(at)}`;
}

function formatting(text: string): { insertSpaces: boolean; tabSize: number; eol: string } {
  const indent = /\n([ \t]+)["}\]]/.exec(text)?.[1] ?? "  ";
  return {
    insertSpaces: !indent.startsWith("\t"),
    tabSize: indent.startsWith("\t") ? 4 : indent.length,
    eol: text.includes("\r\n") ? "\r\n" : "\n",
  };
}

/** The least replacement that makes one text of the other; undefined when they are equal. */
export function replacement(before: string, after: string): TextEdit | undefined {
  if (before === after) return undefined;
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before[before.length - 1 - end] === after[after.length - 1 - end])
    end += 1;
  return { offset: start, length: before.length - start - end, text: after.slice(start, after.length - end) };
}
