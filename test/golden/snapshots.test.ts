import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  closeOverlays,
  finishMemory,
  loadMemory,
  type Overlay,
  openOverlays,
  putOverlaysOn,
  type Step,
  saveLiveMemory,
  usualCapabilities,
} from "../../src/machine/snapshots/plan.ts";

/** What is said to QEMU for each sequence, in the order it is said. Lines in brackets are what is waited for. */

const folder = "/home/me/.vivarium/machines/web";

function overlay(key: string, node: string, layer: string, virtualBytes: number): Overlay {
  return { disk: { key, node, root: node, layer: `${key}.qcow2` }, layer, file: `${folder}/${layer}`, virtualBytes };
}

const disks = [
  overlay("disk0", "disk0", "layers/disk0-0a1b2c.qcow2", 10 * 1024 ** 3),
  overlay("a-disk-with-a-long-name", "a-disk-with-a-lo.1", "layers/a-disk-with-a-long-name-3d4e5f.qcow2", 1024 ** 4),
  overlay("uefi.nvram", "firmware.vars", "layers/uefi.nvram-6a7b8c.qcow2", 540_672),
];
const linux = { platform: "linux", diskIo: { aio: "threads", direct: false } } as const;
const memory = `${folder}/snapshots/0123456789ab/memory`;

const sequences: Record<string, readonly (Step | string)[]> = {
  "create-with-memory": [
    ...openOverlays(disks, linux),
    ...saveLiveMemory(memory, true),
    "[MIGRATION pre-switchover: the guest stands still]",
    putOverlaysOn(disks),
    finishMemory,
    "[MIGRATION completed]",
    { execute: "cont", arguments: {} },
    usualCapabilities(true),
  ],
  "create-with-memory-qemu-8.2": [...saveLiveMemory(memory, false), "[MIGRATION pre-switchover]", finishMemory, usualCapabilities(false)],
  "create-of-disks": [...openOverlays(disks, linux), "[guest-fsfreeze-freeze]", putOverlaysOn(disks), "[guest-fsfreeze-thaw]"],
  "create-undone": [...openOverlays(disks.slice(0, 1), linux), "[disk full]", ...closeOverlays(disks.slice(0, 1))],
  "create-on-windows": openOverlays(disks.slice(1, 2), { ...linux, platform: "win32" }),
  "restore-memory": [
    "[QEMU started with -incoming defer]",
    ...loadMemory(memory, true),
    "[MIGRATION completed]",
    { execute: "cont", arguments: {} },
  ],
};

describe("snapshots: what is said to QEMU", () => {
  for (const [name, steps] of Object.entries(sequences)) {
    it(name, () => {
      const text = steps.map((step) => `${typeof step === "string" ? step : JSON.stringify(step)}\n`).join("");
      const file = join(import.meta.dirname, "snapshots", `${name}.txt`);
      if (process.env["UPDATE_GOLDEN"]) {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      assert.equal(text, readFileSync(file, "utf8"));
    });
  }

  it("names no node with more than the 31 bytes that QEMU takes", () => {
    for (const step of openOverlays(disks, linux)) {
      const args = step.arguments as { "node-name": string; file: { "node-name": string } };
      assert.ok(args["node-name"].length <= 31 && args.file["node-name"].length <= 31, args.file["node-name"]);
    }
  });
});
