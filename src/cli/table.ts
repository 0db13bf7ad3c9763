import { safeText } from "./safe.ts";
import { type Colour, plainStyle, type Style } from "./style.ts";

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Columns of a terminal a text takes: two for East Asian wide characters and emoji, none for combining marks. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (/\p{Mn}|\p{Me}/u.test(character) || (code >= 0xfe00 && code <= 0xfe0f)) continue;
    width += isWide(code) ? 2 : 1;
  }
  return width;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f680 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** Rows under titles, two spaces between columns; cells are made safe for a terminal here. */
export function table(columns: readonly Column[], rows: readonly (readonly (Cell | string)[])[], style: Style = plainStyle): string {
  const header = columns.map((column): Cell => ({ text: column.title, colour: "dim" }));
  const lines = [header, ...rows.map((row) => row.map(toCell))];
  const widths = columns.map((_column, index) => Math.max(...lines.map((line) => displayWidth(line[index]?.text ?? ""))));
  return lines
    .map(
      (line) =>
        `${columns
          .map((column, index) => padded(line[index], widths[index] ?? 0, column, style))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function toCell(cell: Cell | string): Cell {
  if (typeof cell === "string") return { text: safeText(cell) };
  return { ...cell, text: safeText(cell.text) };
}

function padded(cell: Cell | undefined, width: number, column: Column, style: Style): string {
  const text = cell?.text ?? "";
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  const painted = cell?.colour ? style.paint(cell.colour, text) : text;
  return column.align === "right" ? space + painted : painted + space;
}

/** Label and value lines of a card: `  label    value`. Empty values are left out. */
export function fields(pairs: readonly (readonly [label: string, value: string | undefined])[], style: Style = plainStyle): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined && pair[1] !== "");
  const width = Math.max(0, ...shown.map(([label]) => label.length));
  const indent = `\n${" ".repeat(width + 4)}`;
  return shown.map(([label, value]) => `  ${style.paint("dim", label.padEnd(width))}  ${value.split("\n").join(indent)}\n`).join("");
}
