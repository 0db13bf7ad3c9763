import assert from "node:assert/strict";
import { differences, valueText } from "../../../src/model/index.ts";

const adapter = (mac: string, changes: object = {}) => ({ mode: "nat", mac, linkUp: true, forwards: [], ...changes });
const paths = (before: unknown, after: unknown) => differences(before, after).map(({ path }) => path);

describe("what two definitions have otherwise", () => {
  it("is named down to the very value", () => {
    assert.deepEqual(
      differences({ memory: "1G", devices: { rng: true, tpm: false } }, { memory: "2G", devices: { rng: true, tpm: true } }),
      [
        { path: "memory", before: "1G", after: "2G" },
        { path: "devices.tpm", before: false, after: true },
      ],
    );
    assert.deepEqual(differences({ memory: "1G" }, { memory: "1G" }), []);
  });

  it("is a key that came, or went", () => {
    assert.deepEqual(differences({}, { cdrom: { file: "a.iso" } }), [{ path: "cdrom", after: { file: "a.iso" } }]);
    assert.deepEqual(differences({ cdrom: {} }, {}), [{ path: "cdrom", before: {} }]);
  });

  it("goes into lists whose items stay", () => {
    const forward = (hostPort: number) => ({ protocol: "tcp", hostPort, guestPort: 22 });
    assert.deepEqual(
      paths({ networks: [adapter("a", { forwards: [forward(1)] })] }, { networks: [adapter("a", { forwards: [forward(2)] })] }),
      ["networks[0].forwards[0].hostPort"],
    );
    assert.deepEqual(paths({ networks: [adapter("a")] }, { networks: [adapter("a", { forwards: [forward(2)] })] }), [
      "networks[0].forwards",
    ]);
  });

  it("tells items apart by what they are, not by where they stand", () => {
    const before = { networks: [adapter("a"), adapter("b"), adapter("c")] };
    assert.deepEqual(differences(before, { networks: [adapter("a"), adapter("c", { linkUp: false })] }), [
      { path: "networks[1]", before: adapter("b") },
      { path: "networks[1].linkUp", before: true, after: false },
    ]);
    assert.deepEqual(differences({ disks: [{ id: "a" }] }, { disks: [{ id: "b" }, { id: "a" }] }), [
      { path: "disks[0]", after: { id: "b" } },
    ]);
  });

  it("is one change when an item gets another identity at its place", () => {
    assert.deepEqual(paths({ networks: [adapter("a")] }, { networks: [adapter("b")] }), ["networks[0].mac"]);
  });

  it("is the list when its order changed", () => {
    assert.deepEqual(paths({ disks: [{ id: "a" }, { id: "b" }] }, { disks: [{ id: "b" }, { id: "a" }] }), ["disks"]);
    assert.deepEqual(paths({ bootOrder: ["disk", "cdrom"] }, { bootOrder: ["cdrom", "disk"] }), ["bootOrder"]);
  });

  it("is another kind of firmware, with the keys that go with it", () => {
    assert.deepEqual(paths({ firmware: { type: "bios" } }, { firmware: { type: "direct-kernel", kernel: "k" } }), [
      "firmware.type",
      "firmware.kernel",
    ]);
  });
});

describe("a value in few words", () => {
  for (const [value, text] of [
    ["1G", "1G"],
    [true, "true"],
    [undefined, "–"],
    [[], "–"],
    [["disk", "cdrom"], "disk, cdrom"],
    [
      [
        { protocol: "tcp", hostPort: 2222, guestPort: 22 },
        { protocol: "udp", guestPort: 53 },
      ],
      "2222:22, 53/udp",
    ],
    [adapter("52:54:00:12:34:56"), "nat 52:54:00:12:34:56"],
    [{ id: "disk1", file: "disk1.qcow2" }, "disk1"],
    [{ file: "a.iso" }, "a.iso"],
    [{ type: "bios" }, '{"type":"bios"}'],
  ] as const)
    it(`is ${text}`, () => assert.equal(valueText(value), text));
});
