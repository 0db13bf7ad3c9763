import { vivError } from "../model/index.ts";

/** How values become words of QEMU's command line without changing meaning on the way. */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
/** A member that is `undefined` is left out. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const unsafe = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/**
 * Refuses control characters and lone surrogates: a newline in a path can only be a trick or an accident,
 * and an argument cannot carry NUL or half a character.
 *
 * @throws VivError `invalid-definition`
 */
export function requirePlain(text: string): string {
  if (!unsafe.test(text)) return text;
  throw vivError("invalid-definition", `${JSON.stringify(text)} contains a control character.`, "Rename the file or folder.");
}

/** The JSON form, for the options that take it: -blockdev, -device, -netdev, -object (QEMU ≥ 7.2). */
export function json(value: JsonObject): string {
  checkStrings(value);
  return JSON.stringify(value);
}

function checkStrings(value: JsonValue | undefined): void {
  if (typeof value === "string") requirePlain(value);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(checkStrings);
}

/**
 * The `key=value,…` form, for the others (-chardev, -machine, -vnc, -fw_cfg …): a comma in a value is written twice.
 * `undefined` is left out; booleans are `on` and `off`.
 */
export function keyValues(first: string | undefined, values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const parts = Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${doubled(onOff(value))}`]));
  return [...(first === undefined ? [] : [doubled(first)]), ...parts].join(",");
}

function onOff(value: string | number | boolean): string {
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}

export function doubled(text: string): string {
  return requirePlain(text).replaceAll(",", ",,");
}

/** `-device {…}` and so on, as two words. */
export function option(name: "-blockdev" | "-device" | "-netdev" | "-object", value: JsonObject): string[] {
  return [name, json(value)];
}
