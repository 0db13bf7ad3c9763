import assert from "node:assert/strict";
import { type GraphNode, type GraphRow, graphRows } from "../../../../src/webviews/snapshots/layout.ts";

/** `a>b` : b grew from a. The drawing has one line a row: `|` passes, `*` is the node, `\` comes out of another lane. */
function nodes(text: string): GraphNode[] {
  return text.split(/\s+/).map((one) => {
    const [left = "", right] = one.split(">");
    return right === undefined ? { id: left, parent: null } : { id: right, parent: left };
  });
}

function drawn(rows: readonly GraphRow[]): string[] {
  return rows.map(({ id, lane, passing, from, goesOn }) => {
    const cells = Array.from({ length: lane + 1 }, (_, index) =>
      index === lane ? (goesOn ? "*" : "o") : passing.some((line) => line.lane === index) ? "|" : " ",
    );
    return `${cells.join("")}${typeof from === "object" ? `\\${from.lane}` : ""} ${id}`;
  });
}

describe("the layout of the snapshots graph", () => {
  it("draws a chain as one line", () => {
    assert.deepEqual(drawn(graphRows(nodes("a a>b b>c c>now"), "now")), ["* a", "* b", "* c", "o now"]);
  });

  it("keeps the way to the present in the first lane and puts it last", () => {
    assert.deepEqual(drawn(graphRows(nodes("a a>b b>c c>d a>now"), "now")), ["* a", "|*\\0 b", "|* c", "|o d", "o now"]);
  });

  it("ends one branch before the next begins, in the same lane", () => {
    assert.deepEqual(drawn(graphRows(nodes("a a>b a>c c>d d>e d>f a>now"), "now")), [
      "* a",
      "|o\\0 b",
      "|*\\0 c",
      "|* d",
      "||o\\1 e",
      "|o f",
      "o now",
    ]);
  });

  it("gives each branch a colour of its own, and its lines everywhere the same one", () => {
    const rows = graphRows(nodes("a a>b b>x a>c c>now"), "now");
    assert.deepEqual(
      rows.map(({ id, branch, passing }) => [id, branch, passing.map((line) => line.branch)]),
      [
        ["a", 0, []],
        ["b", 1, [0]],
        ["x", 1, [0]],
        ["c", 0, []],
        ["now", 0, []],
      ],
    );
  });

  it("has several roots when the first snapshot was removed, and the present without any", () => {
    assert.deepEqual(drawn(graphRows(nodes("a a>b c now"), "now")), ["* a", "o b", "o c", "o now"]);
    assert.deepEqual(drawn(graphRows(nodes("gone>b"), "now")), ["o b"]);
    assert.deepEqual(graphRows([], "now"), []);
  });

  it("says each node's place in the tree as a screen reader wants it", () => {
    const rows = graphRows(nodes("a a>b a>c c>now"), "now");
    assert.deepEqual(
      rows.map(({ id, level, position, siblings, mainChild }) => [id, level, position, siblings, mainChild]),
      [
        ["a", 1, 1, 1, "c"],
        ["b", 2, 1, 2, null],
        ["c", 2, 2, 2, "now"],
        ["now", 3, 1, 1, null],
      ],
    );
  });

  it("needs few lanes for a hundred, and no time", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const many = randomTree(100, seed);
      const before = performance.now();
      const rows = graphRows([...many, { id: "now", parent: `n${seed * 4}` }], "now");
      assert.ok(performance.now() - before < 50);
      assert.equal(rows.length, 101);
      assert.ok(Math.max(...rows.map(({ lane }) => lane)) <= 7, "lanes");
      assert.equal(rows.at(-1)?.id, "now");
      linesMeet(rows);
    }
  });

  it("takes a chain of ten thousand without recursion", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => ({ id: `n${index}`, parent: index === 0 ? null : `n${index - 1}` }));
    assert.equal(graphRows(chain).length, 10_000);
  });

  it("draws what a file that somebody changed by hand cannot mean", () => {
    const rows = graphRows(
      [
        { id: "self", parent: "self" },
        { id: "a", parent: "b" },
        { id: "b", parent: "a" },
      ],
      "a",
    );
    assert.deepEqual(
      rows.map(({ id }) => id),
      ["self"],
      "a ring has no root; nothing hangs",
    );
  });
});

/** Whatever leaves a row at its lower edge comes in at the upper edge of the next, and nothing else does. */
function linesMeet(rows: readonly GraphRow[]): void {
  for (const [index, row] of rows.entries()) {
    const below = new Set([...row.passing.map(({ lane }) => lane), ...(row.goesOn ? [row.lane] : [])]);
    const next = rows[index + 1];
    const wanted =
      next &&
      new Set([
        ...next.passing.map(({ lane }) => lane),
        ...(next.from === "above" ? [next.lane] : typeof next.from === "object" ? [next.from.lane] : []),
      ]);
    assert.deepEqual([...below].sort(), [...(wanted ?? [])].sort(), `${row.id} → ${next?.id}`);
  }
}

function randomTree(count: number, seed: number): GraphNode[] {
  let state = seed;
  const random = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
  return Array.from({ length: count }, (_, index) => ({
    id: `n${index}`,
    parent: index === 0 ? null : `n${Math.max(0, index - 1 - Math.floor(random() ** 2 * 6))}`,
  }));
}
