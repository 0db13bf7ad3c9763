import { findNodeAtLocation, getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { nearest } from "../../model/index.ts";
import { type FileProblem, positionAt } from "./problem.ts";
import { TestVmFile, testVmJsonSchema } from "./schema.ts";

export type Path = readonly (string | number)[];

/** One file of a chain: its text, and what it says. */
export interface ParsedFile {
  readonly file: string;
  readonly text: string;
  readonly value: TestVmFile;
  /** A problem at a path of this file, or at the nearest one that is there. */
  problemAt(path: Path, message: string): FileProblem;
  has(path: Path): boolean;
}

/** Checks one file against the schema; every problem has its place. */
export function parseFile(file: string, text: string): ParsedFile | { readonly problems: readonly FileProblem[] } {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const at = (offset: number, message: string): FileProblem => ({ file, ...positionAt(text, offset), message });
  if (errors.length > 0) return { problems: errors.map(({ error, offset }) => at(offset, `is not JSON: ${printParseErrorCode(error)}`)) };
  if (root?.type !== "object") return { problems: [at(0, "must be an object in braces")] };
  const twice = repeatedKeys(root).map((node) => at(node.offset, `${JSON.stringify(node.value)} stands here twice`));
  if (twice.length > 0) return { problems: twice };
  const problemAt = (path: Path, message: string) => at(offsetOf(root, path), message);
  const parsed = TestVmFile.safeParse(getNodeValue(root));
  if (parsed.success)
    return { file, text, value: parsed.data, problemAt, has: (path) => findNodeAtLocation(root, [...path]) !== undefined };
  return {
    problems: parsed.error.issues.flatMap((issue) => {
      const path = issue.path as Path;
      if (issue.code === "unrecognized_keys") return issue.keys.map((key) => at(keyOffset(root, path, key), unknownKey(path, key)));
      // A wrong key of a record is said at the key.
      if (issue.code === "invalid_key") {
        const [inner] = issue.issues;
        return [
          at(keyOffset(root, path.slice(0, -1), String(path.at(-1))), `${JSON.stringify(path.at(-1))} ${inner?.message ?? issue.message}`),
        ];
      }
      return [problemAt(path, `${path.join(".")} ${said(issue.message)}`)];
    }),
  };
}

function said(message: string): string {
  return message
    .replace(/^Invalid input: expected/, "must be")
    .replace(/^Invalid option: expected one of/, "must be one of")
    .replace(/^(Too|Invalid)/, (word) => `is not valid: ${word.toLowerCase()}`);
}

function unknownKey(path: Path, key: string): string {
  const meant = nearest(key, knownKeys(path));
  return `${JSON.stringify(key)} is not known here${meant === undefined ? "" : `; did you mean ${JSON.stringify(meant)}?`}`;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
}

function knownKeys(path: Path): string[] {
  let schema: Schema | undefined = testVmJsonSchema();
  for (const key of path) {
    const other: Schema | boolean | undefined = schema?.additionalProperties;
    schema = schema?.properties?.[String(key)] ?? (typeof other === "object" ? other : undefined);
  }
  return Object.keys(schema?.properties ?? {});
}

function repeatedKeys(node: Node): Node[] {
  const found: Node[] = [];
  const seen = new Set<unknown>();
  for (const child of node.children ?? []) {
    const [key, value] = child.type === "property" ? (child.children ?? []) : [undefined, child];
    if (key) {
      if (seen.has(key.value)) found.push(key);
      seen.add(key.value);
    }
    if (value) found.push(...repeatedKeys(value));
  }
  return found;
}

function offsetOf(root: Node, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = findNodeAtLocation(root, path.slice(0, length) as (string | number)[]);
    if (node) return node.offset;
  }
  return root.offset;
}

function keyOffset(root: Node, path: Path, key: string): number {
  const parent = path.length === 0 ? root : findNodeAtLocation(root, [...path] as (string | number)[]);
  const property = parent?.children?.find(({ children }) => children?.[0]?.value === key);
  return property?.offset ?? parent?.offset ?? 0;
}
