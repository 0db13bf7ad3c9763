import assert from "node:assert/strict";
import { withDisk, withoutDisk } from "../../../src/machine/disks/edit.ts";
import { merged } from "../../../src/machine/disks/limits.ts";
import { checkDefinition, type Definition, diskSlot } from "../../../src/model/index.ts";

function definitionWith(disks: object[]): ReturnType<typeof checkDefinition> {
  return checkDefinition({
    schema: 1,
    id: "3f0c6a1e-8b7d-4c2a-9e5f-0a1b2c3d4e5f",
    name: "m",
    architecture: "x86_64",
    machineType: "pc-q35-10.0",
    cpus: 1,
    memory: "64M",
    firmware: { type: "bios" },
    disks,
  });
}

function good(disks: object[]): Definition {
  const checked = definitionWith(disks);
  if ("problems" in checked) assert.fail(JSON.stringify(checked.problems));
  return checked.definition;
}

describe("the list of disks", () => {
  const three = good(["a", "b", "c"].map((id) => ({ id, file: `${id}.qcow2` })));
  const slots = (definition: Definition) => definition.disks.map((disk, index) => [disk.id, diskSlot(disk, index)]);

  it("keeps every other disk's address when one goes", () => {
    const without = withoutDisk(three, "b");
    assert.deepEqual(slots(without), [
      ["a", 0],
      ["c", 2],
    ]);
    assert.deepEqual(slots(withoutDisk(without, "a")), [["c", 2]]);
    assert.deepEqual(withoutDisk(three, "nobody"), three);
    assert.ok(!("slot" in (without.disks[0] ?? {})), "the first one need not say where it is");
  });

  it("takes a new one at the end, once", () => {
    const disk = { id: "d", file: "d.qcow2", format: "qcow2", bus: "virtio", readOnly: false, port: 1 } as const;
    const more = withDisk(three, disk);
    assert.deepEqual(withDisk(more, disk), more);
    assert.deepEqual(slots(more).at(-1), ["d", 3]);
  });

  for (const [what, disks, says] of [
    ["a name that is the firmware's", [{ id: "nvram", file: "a" }], "disks.0.id"],
    [
      "two in one slot",
      [
        { id: "a", file: "a" },
        { id: "b", file: "b", slot: 0 },
      ],
      "disks.1.slot",
    ],
    [
      "two in one port",
      [
        { id: "a", file: "a", port: 2 },
        { id: "b", file: "b", port: 2 },
      ],
      "disks.1.port",
    ],
    ["a SATA disk in a port", [{ id: "a", file: "a", bus: "sata", port: 0 }], "disks.0.port"],
    ["a slot that is not there", [{ id: "a", file: "a", slot: 16 }], "disks.0.slot"],
    ["a limit below nothing", [{ id: "a", file: "a", limits: { readsPerSecond: -1 } }], "disks.0.limits.readsPerSecond"],
    ["a limit nobody knows", [{ id: "a", file: "a", limits: { speed: 1 } }], "disks.0.limits"],
  ] as const) {
    it(`refuses ${what}`, () => {
      const checked = definitionWith([...disks]);
      assert.ok("problems" in checked);
      assert.deepEqual(
        checked.problems.map(({ path }) => path),
        [says],
      );
    });
  }

  it("writes down only limits that limit", () => {
    assert.deepEqual(merged({ readsPerSecond: 5, writesPerSecond: 7 }, { readsPerSecond: 0, writeBytesPerSecond: 9 }), {
      writeBytesPerSecond: 9,
      writesPerSecond: 7,
    });
    assert.deepEqual(merged({}, {}), {});
  });
});
