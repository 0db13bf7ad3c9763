/**
 * Text from guests, images and files can carry terminal escapes (title changes, clipboard writes, lines drawn
 * over others) and direction marks that make a name read as another. None of it reaches a terminal.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above, but tabs and line ends stay
const controlsInBlock = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
// Built from its parts, removed as a whole, so that no "[31m" stays behind (ECMA-48 §5.4 and §8.3.89).
const csi = "(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]";
const controlString = "(?:\\u001b[\\]P^_X]|[\\u009d\\u0090\\u009e\\u009f\\u0098])[^\\u0007\\u001b\\u009c]*(?:\\u0007|\\u001b\\\\|\\u009c)?";
const otherEscape = "\\u001b[ -/]*[0-~]";
const sequences = new RegExp([csi, controlString, otherEscape].join("|"), "g");
const beyondJson = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line without control characters. */
export function safeText(text: string): string {
  return text
    .replace(sequences, "")
    .replace(/[\r\n\t]+/g, " ")
    .replace(controls, "");
}

/** Several lines: tabs and line ends stay. */
export function safeBlock(text: string): string {
  return text.replace(sequences, "").replace(/\r\n?/g, "\n").replace(controlsInBlock, "");
}

/** JSON that is also safe on a terminal: JSON.stringify leaves C1 controls and direction marks as they are. */
export function safeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? "null";
  return text.replace(beyondJson, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
