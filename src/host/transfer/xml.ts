import { SaxesParser } from "saxes";
import { vivError } from "../../model/index.ts";

/** An element: local names without prefixes, since writers differ in them. */
export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Element[];
  readonly text: string;
}

const mostElements = 20_000;
const deepest = 64;

interface Open {
  name: string;
  attributes: Map<string, string>;
  children: Element[];
  text: string;
}

/**
 * Reads XML strictly, without a DTD: no entities of its own, nothing fetched.
 * @throws VivError `untrusted-input`
 */
export function parseXml(text: string, what: string): Element {
  const refuse = (reason: string): never => {
    throw vivError("untrusted-input", `${what} ${reason}.`);
  };
  const top: Open = { name: "", attributes: new Map(), children: [], text: "" };
  const open: Open[] = [top];
  let elements = 0;
  const parser = new SaxesParser();
  parser.on("doctype", () => refuse("has a DTD, which no machine needs"));
  parser.on("opentag", ({ name, attributes }) => {
    elements += 1;
    if (elements > mostElements || open.length > deepest) refuse("has more elements than any machine needs");
    const values = Object.entries(attributes).map(([key, value]): [string, string] => [localName(key), value]);
    open.push({ name: localName(name), attributes: new Map(values), children: [], text: "" });
  });
  parser.on("text", (part) => {
    const last = open.at(-1);
    if (last) last.text += part;
  });
  parser.on("closetag", () => {
    const closed = open.pop();
    if (closed) open.at(-1)?.children.push(closed);
  });
  try {
    parser.write(text).close();
  } catch (error) {
    throw error instanceof Error && "code" in error
      ? error
      : vivError("untrusted-input", `${what} is no well-formed XML: ${(error as Error).message}`);
  }
  return top.children[0] ?? refuse("is empty");
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

/** All elements of a name below one, at any depth. */
export function descendants(element: Element, name: string): Element[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...descendants(child, name)]);
}

export function child(element: Element, name: string): Element | undefined {
  return element.children.find((each) => each.name === name);
}

export function childText(element: Element, name: string): string | undefined {
  return child(element, name)?.text.trim();
}

export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
