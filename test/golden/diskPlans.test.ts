import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  askToLetGo,
  changeMediumSteps,
  closeNode,
  growStep,
  limitStep,
  openTrayStep,
  plugSteps,
  thresholdStep,
} from "../../src/machine/disks/plan.ts";
import { Disk } from "../../src/model/index.ts";
import { contextOf, goldenCases, platforms } from "./commandLine.ts";

/** What is said to QEMU when disks change while a machine runs. UPDATE_GOLDEN=1 rewrites it; read the difference as prose. */
const update = process.env.UPDATE_GOLDEN === "1";

const minimal = goldenCases().find(({ name }) => name === "minimal");
assert.ok(minimal);
const { definition } = minimal;

function transcript(steps: readonly { execute: string; arguments: unknown }[]): string {
  return steps.map(({ execute, arguments: args }) => `-> ${execute} ${JSON.stringify(args)}\n`).join("");
}

function plugged(disk: Disk) {
  return { ...definition, disks: [...definition.disks, disk] };
}

for (const platform of platforms) {
  describe(`golden sequences of disks on ${platform}`, () => {
    const context = contextOf({ name: "minimal", definition, host: {} }, platform);
    const plug = (disk: Disk, layout: object) =>
      plugSteps(plugged(disk), disk, {
        ...context,
        detectZeroes: true,
        disks: { ...context.disks, [disk.id]: { backingChain: [], ...layout } },
      });
    const disk = (more: object) => Disk.parse({ id: "data", file: "data.qcow2", ...more });
    const sequences: Record<string, readonly { execute: string; arguments: unknown }[]> = {
      "plug-virtio": plug(disk({ port: 0 }), { virtualBytes: 2 ** 30 }),
      "plug-nvme-over-a-snapshot": plug(disk({ port: 3, bus: "nvme" }), {
        file: "layers/data-0a1b2c.qcow2",
        backingChain: [{ file: "data.qcow2", format: "qcow2" }],
      }),
      "plug-scsi": plug(disk({ bus: "scsi", slot: 7 }), {}),
      unplug: [askToLetGo("data-device"), closeNode("data")],
      grow: [growStep("data", 64 * 1024 ** 2)],
      limit: [limitStep("/machine/peripheral/data-device/virtio-backend", { writeBytesPerSecond: 2 ** 20, readsPerSecond: 100 })],
      "limit-lifted": [limitStep("/machine/peripheral/data-device/virtio-backend", {})],
      "medium-in": [openTrayStep(false), ...changeMediumSteps({ loaded: false, file: "tools.iso" }, context)],
      "medium-changed-by-force": [openTrayStep(true), ...changeMediumSteps({ loaded: true, file: "tools.iso" }, context)],
      "medium-out": [openTrayStep(false), ...changeMediumSteps({ loaded: true, file: undefined }, context)],
      threshold: [thresholdStep("data.file", 5 * 2 ** 30)],
    };
    const file = join(import.meta.dirname, "disks", `${platform}.txt`);
    const text = Object.entries(sequences)
      .map(([name, steps]) => `${name}\n${transcript(steps)}`)
      .join("\n");

    it("are as agreed", () => {
      if (update) writeFileSync(file, text);
      assert.ok(existsSync(file), `${file} is missing; write it with UPDATE_GOLDEN=1`);
      assert.equal(text, readFileSync(file, "utf8"));
    });
  });
}
