import { type Field, fields } from "./fields.ts";
import { valueAt } from "./paths.ts";

/** Where the rows of the table stand in a document. */

export interface Place {
  readonly field: Field;
  readonly path: string;
}

/** Every field with its place in these values: a row with `*` once for each item of its list. */
export function places(values: unknown): Place[] {
  return fields.flatMap((field) => expand(values, field.path).map((path) => ({ field, path })));
}

function expand(values: unknown, path: string): string[] {
  const star = path.indexOf("*");
  if (star < 0) return [path];
  const list = valueAt(values, path.slice(0, star - 1));
  if (!Array.isArray(list)) return [];
  return list.flatMap((_, index) => expand(values, `${path.slice(0, star)}${index}${path.slice(star + 1)}`));
}
