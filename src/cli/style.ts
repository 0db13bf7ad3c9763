import type { Output } from "./host.ts";

export type Colour = "red" | "green" | "yellow" | "blue" | "dim" | "bold";

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  dim: [2, 22],
  bold: [1, 22],
};

export interface Style {
  /** Whether a person looks at it: glyphs and block characters may be used. */
  readonly glyphs: boolean;
  paint(colour: Colour, text: string): string;
}

export const plainStyle: Style = { glyphs: false, paint: (_colour, text) => text };

/** Glyphs on a terminal; colour there too, unless `NO_COLOR` is set (https://no-color.org) or it is a dumb one. */
export function styleFor(output: Output, environment: NodeJS.ProcessEnv): Style {
  if (!output.isTTY) return plainStyle;
  const colour = !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  return {
    glyphs: true,
    paint: (name, text) => (colour ? `\u001b[${codes[name][0]}m${text}\u001b[${codes[name][1]}m` : text),
  };
}
