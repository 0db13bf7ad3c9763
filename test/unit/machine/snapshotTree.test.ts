import assert from "node:assert/strict";
import type { Layer, LayerGraph } from "../../../src/machine/snapshots/graph.ts";
import { nextMerge } from "../../../src/machine/snapshots/mergePlan.ts";
import {
  branchOf,
  familyOf,
  findSnapshot,
  freshName,
  parentsFirst,
  requireNewName,
  visibleParent,
} from "../../../src/machine/snapshots/tree.ts";
import { SnapshotsFile as Schema, type SnapshotsFile } from "../../../src/model/index.ts";

/** `id:parent`, with `!` for a removed one. */
function tree(...entries: string[]): SnapshotsFile {
  const snapshots = entries.map((entry) => {
    const [name = "", parent] = entry.replace("!", "").split(":");
    const id = (letter: string) => letter.charCodeAt(0).toString(16).padStart(12, "0");
    return {
      id: id(name),
      name,
      createdAt: "2026-11-23T12:00:00.000Z",
      ...(parent ? { parent: id(parent) } : {}),
      consistency: "stopped",
      definition: {},
      layers: {},
      ...(entry.endsWith("!") ? { removedAt: "2026-11-23T13:00:00.000Z" } : {}),
    };
  });
  return Schema.parse({ schema: 1, snapshots, current: { layers: {} } });
}

const namesOf = (records: readonly { name: string }[]) => records.map(({ name }) => name).join("");

describe("the tree of snapshots", () => {
  const file = tree("a", "b:a!", "c:b", "d:b", "e:d");
  const id = (name: string) => file.snapshots.find((each) => each.name === name)?.id ?? "";

  it("counts through removed ones", () => {
    assert.equal(visibleParent(file, id("b")), id("a"));
    assert.deepEqual(familyOf(file).children.get(id("a")), [id("c"), id("d")]);
  });
  it("has a branch of one and all that grew from it, parents first", () => {
    assert.equal(namesOf(branchOf(file, id("b"))), "bcde");
    assert.equal(namesOf(parentsFirst(tree("c:b", "b:a", "a", "d"))), "abcd");
  });
  it("takes a record whose parent is gone for a root", () => assert.equal(namesOf(parentsFirst(tree("x:q", "y:x"))), "xy"));
  it("is found by name or id, a removed one only when asked", () => {
    assert.equal(findSnapshot(file, "c").name, "c");
    assert.equal(findSnapshot(file, id("c")).name, "c");
    assert.throws(() => findSnapshot(file, "b"), { code: "not-found" });
    assert.equal(findSnapshot(file, "b", { removed: true }).name, "b");
  });
  it("gives names that nobody has", () => {
    assert.equal(freshName(file), "s1");
    assert.equal(freshName({ ...file, snapshots: file.snapshots.map((each, index) => ({ ...each, name: `s${index * 3}` })) }), "s13");
    assert.throws(() => requireNewName(file, "c"), { code: "exists" });
    assert.equal(requireNewName(file, "b"), "b");
    for (const name of ["", ".", "..", "a/b", "a b", "-a", "a\u0000"])
      assert.throws(() => requireNewName(file, name), { code: "invalid-name" });
  });
});

describe("the plan of merges", () => {
  const graph = (...layers: (Partial<Layer> & { name: string; on?: string })[]): LayerGraph => ({
    problems: new Map(),
    layers: new Map(
      layers.map(({ on, ...layer }) => [
        layer.name,
        {
          format: "qcow2",
          virtualBytes: 1,
          allocatedBytes: 10,
          fileBytes: 10,
          links: 1,
          ...(on === undefined ? {} : { backing: { layer: on, written: on, format: "qcow2" } }),
          ...layer,
        } as Layer,
      ]),
    ),
  });
  const plan = (wanted: string[], bases: string[], ...layers: Parameters<typeof graph>) => {
    const merge = nextMerge({ graph: graph(...layers), wanted: new Set(wanted), bases: new Set(bases) });
    return merge && `${merge.way} ${merge.lower.name} ${merge.upper.name}`;
  };

  it("leaves what somebody is in", () => assert.equal(plan(["a", "b"], [], { name: "a" }, { name: "b", on: "a" }), undefined));
  it("moves the smaller one", () => {
    assert.equal(plan(["b"], [], { name: "a", allocatedBytes: 99 }, { name: "b", on: "a" }), "commit a b");
    assert.equal(plan(["b"], [], { name: "a" }, { name: "b", on: "a", allocatedBytes: 99 }), "stream a b");
  });
  it("keeps the file that vm.json names", () =>
    assert.equal(plan(["b"], ["a"], { name: "a" }, { name: "b", on: "a", allocatedBytes: 99 }), "commit a b"));
  it("leaves one with several on it, until it has one", () =>
    assert.equal(plan(["b", "c"], [], { name: "a" }, { name: "b", on: "a" }, { name: "c", on: "a" }), undefined));
  it("never writes a file that another machine shares", () => {
    assert.equal(plan(["b"], ["a"], { name: "a", links: 2, allocatedBytes: 99 }, { name: "b", on: "a" }), undefined);
    assert.equal(plan(["b"], [], { name: "a" }, { name: "b", on: "a", links: 2, allocatedBytes: 99 }), "commit a b");
    assert.equal(plan(["b"], [], { name: "a", links: 2 }, { name: "b", on: "a", links: 2 }), undefined);
    assert.equal(
      plan(["b", "c"], [], { name: "a", allocatedBytes: 99 }, { name: "b", on: "a" }, { name: "c", on: "b", links: 2 }),
      "stream a b",
    );
  });
});
