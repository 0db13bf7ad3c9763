import assert from "node:assert/strict";
import type * as vscode from "vscode";
import { Remembered } from "../../../src/terminals/remembered.ts";

function memento(kept?: unknown) {
  const values = new Map<string, unknown>([["serialTerminals", kept]]);
  return {
    get: (key: string) => values.get(key),
    update: async (key: string, next: unknown) => {
      values.set(key, next);
    },
    keys: () => [],
  } as unknown as vscode.Memento;
}

describe("the serial terminals of a window", () => {
  it("are kept while they are open, each by itself", async () => {
    const state = memento();
    const window = new Remembered(state);
    for (const machine of ["a", "b", "a"]) await window.opened(machine);
    await window.closed("a");
    await window.closed("c");
    assert.deepEqual(new Remembered(state).before, ["b", "a"]);
  });

  it("begin anew in a window that comes back: what is opened again is kept again", async () => {
    const state = memento(["a", "b"]);
    const window = new Remembered(state);
    assert.deepEqual(window.before, ["a", "b"]);
    await window.opened("b");
    assert.deepEqual(new Remembered(state).before, ["b"]);
  });

  it("know which was in front, unless it was somebody else's", async () => {
    const state = memento();
    const window = new Remembered(state);
    await window.cameToFront("a");
    assert.equal(new Remembered(state).frontBefore, "a");
    await window.cameToFront(undefined);
    assert.equal(new Remembered(state).frontBefore, undefined);
  });

  it("are none when what was kept is something else", () => {
    for (const kept of [undefined, "a", { a: 1 }, [1, null]]) assert.deepEqual(new Remembered(memento(kept)).before, []);
  });
});
