import type { FieldInput, Input } from "../check.ts";
import { parent } from "../paths.ts";

/** What was typed and is not in the document (yet): kept until the document has it, or says something new. */

export interface Draft {
  readonly input: Input;
  /** The document's value, as JSON, when the typing began. */
  readonly base: string;
}

export class Drafts {
  #drafts: Map<string, Draft>;
  #refusals = new Map<string, string>();
  #sent = new Map<number, readonly FieldInput[]>();
  #serial = 0;

  constructor(saved: readonly (readonly [string, Draft])[] = []) {
    this.#drafts = new Map(saved);
  }

  get saved(): [string, Draft][] {
    return [...this.#drafts];
  }

  get paths(): string[] {
    return [...this.#drafts.keys()];
  }

  input(path: string): Input | undefined {
    return this.#drafts.get(path)?.input;
  }

  refusal(path: string): string | undefined {
    return this.#refusals.get(path);
  }

  put(path: string, input: Input, value: unknown): void {
    this.#drafts.set(path, { input, base: this.#drafts.get(path)?.base ?? json(value) });
  }

  discard(path: string): void {
    for (const one of this.#together(path)) this.#drafts.delete(one);
    this.#refusals.delete(path);
    for (const one of this.#refusals.keys()) if (parent(one) !== "" && parent(one) === parent(path)) this.#refusals.delete(one);
  }

  /** What goes to the extension when this field changes: fields of one object may only be right together (a kernel and its firmware). */
  send(path: string): { serial: number; inputs: readonly FieldInput[] } {
    const inputs = this.#together(path).flatMap((one) => {
      const draft = this.#drafts.get(one);
      return draft ? [{ path: one, input: draft.input }] : [];
    });
    this.#serial += 1;
    this.#sent.set(this.#serial, inputs);
    return { serial: this.#serial, inputs };
  }

  /** The document has it. What was typed on since then stays, on the new ground. */
  written(serial: number, read: (path: string) => unknown): void {
    for (const { path, input } of this.#take(serial)) {
      const draft = this.#drafts.get(path);
      this.#refusals.delete(path);
      if (!draft) continue;
      if (json(draft.input) === json(input)) this.#drafts.delete(path);
      else this.#drafts.set(path, { input: draft.input, base: json(read(path)) });
    }
  }

  accepted(serial: number): void {
    for (const { path } of this.#current(serial)) this.#refusals.delete(path);
  }

  refused(serial: number, problems: Readonly<Record<string, string>>): void {
    const current = this.#current(serial);
    if (current.length === 0) return;
    for (const { path } of current) this.#refusals.delete(path);
    for (const [path, problem] of Object.entries(problems)) this.#refusals.set(path, problem);
  }

  /** The document changed by other hands: where it did, it wins. */
  outside(read: (path: string) => unknown): void {
    for (const [path, draft] of [...this.#drafts]) if (draft.base !== json(read(path))) this.discard(path);
  }

  #together(path: string): string[] {
    const above = parent(path);
    return above === "" ? [path] : [...this.#drafts.keys()].filter((one) => parent(one) === above);
  }

  #take(serial: number): readonly FieldInput[] {
    const inputs = this.#sent.get(serial) ?? [];
    this.#sent.delete(serial);
    return inputs;
  }

  /** An answer to what has been typed over since is of no use. */
  #current(serial: number): readonly FieldInput[] {
    return this.#take(serial).filter(({ path, input }) => json(this.#drafts.get(path)?.input) === json(input));
  }
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
