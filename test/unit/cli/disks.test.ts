import assert from "node:assert/strict";
import type { DiskDetails } from "../../../src/api/index.ts";
import { runViv } from "./support/run-viv.ts";

const gib = 1024 ** 3;

function diskOf(more: Partial<DiskDetails> = {}): DiskDetails {
  return {
    id: "disk0",
    bus: "virtio",
    format: "qcow2",
    file: "layers/disk0-0a1b2c.qcow2",
    readOnly: false,
    virtualBytes: 20 * gib,
    allocatedBytes: 3 * gib,
    sharedBytes: gib,
    reclaimableBytes: 1024 ** 2,
    layers: [
      { file: "layers/disk0-0a1b2c.qcow2", format: "qcow2", virtualBytes: 20 * gib, allocatedBytes: 2 * gib, shared: false, snapshots: [] },
      { file: "disk0.qcow2", format: "qcow2", virtualBytes: 20 * gib, allocatedBytes: gib, shared: true, snapshots: ["before\u001b[2J"] },
    ],
    limits: { readBytesPerSecond: 0, writeBytesPerSecond: 2 * 1024 ** 2, readsPerSecond: 100, writesPerSecond: 0 },
    attached: true,
    ...more,
  };
}

describe("viv disk", () => {
  it("shows a disk with its layers and limits, and nothing a terminal would obey", async () => {
    const ended = await runViv(["disk", "ls", "hello"], { answers: { "disk.list": () => [diskOf()] } });
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /disk0 +virtio +20 GiB +3 GiB +1 GiB +1 MiB +attached, at most 2 MiB\/s written, 100 reads\/s/);
    assert.match(ended.stdout, /current +qcow2 .*layers\/disk0-0a1b2c\.qcow2/);
    assert.match(ended.stdout, /below +qcow2 .*1 GiB +1 GiB .*disk0\.qcow2 +snapshots: before/);
    assert.ok(!ended.stdout.includes("\u001b"));
    assert.equal((await runViv(["disk", "ls", "hello"], { answers: { "disk.list": () => [] } })).stdout, "hello has no disks.\n");
  });

  it("adds by a size or by a file, and never by both or neither", async () => {
    const answers = { "disk.add": () => diskOf({ attached: false }) };
    const ended = await runViv(["disk", "add", "hello", "10G", "--bus", "nvme", "--id", "fast"], { answers });
    assert.equal(ended.stdout, "disk0: 20 GiB, at the next start of hello\n");
    assert.deepEqual(ended.client.calls[0]?.params, { machine: "hello", size: "10G", bus: "nvme", id: "fast" });
    for (const words of [["hello"], ["hello", "1G", "--file", "x.vmdk"]])
      assert.equal((await runViv(["disk", "add", ...words], { answers })).code, 2);
  });

  it("removes, deletes and brings back", async () => {
    const answers = { "disk.remove": () => ({ freedBytes: gib }), "disk.restoreRemoved": () => diskOf() };
    const ended = await runViv(["disk", "rm", "hello", "disk1"], { answers });
    assert.match(ended.stdout, /--undo brings it back/);
    assert.deepEqual(ended.client.calls[0]?.params, { machine: "hello", disk: "disk1", delete: false });
    assert.equal((await runViv(["disk", "rm", "hello", "disk1", "--delete"], { answers })).stdout, "disk1: deleted, 1 GiB are free\n");
    assert.equal((await runViv(["disk", "rm", "hello", "disk1", "--undo"], { answers })).stdout, "disk1: back from the trash\n");
    assert.equal((await runViv(["disk", "rm", "hello", "disk1", "--undo", "--delete"], { answers })).code, 2);
  });

  it("checks every disk, and fails when one is damaged", async () => {
    const answers = {
      "disk.list": () => [diskOf(), diskOf({ id: "data" })],
      "disk.check": ({ disk }: { disk: string }) => ({
        sound: disk !== "data",
        corruptions: disk === "data" ? 3 : 0,
        leaks: 2,
        repaired: false,
      }),
    };
    const ended = await runViv(["disk", "check", "hello"], { answers });
    assert.equal(ended.code, 1);
    assert.equal(
      ended.stdout,
      "disk0: sound, 2 leaked clusters (--repair leaks)\ndata: DAMAGED (3 errors), 2 leaked clusters (--repair leaks)\n",
    );
    assert.equal((await runViv(["disk", "check", "hello", "disk0", "--repair", "everything"], { answers })).code, 2);
  });

  it("sets and lifts limits", async () => {
    const answers = {
      "disk.limit": () => diskOf({ limits: { readBytesPerSecond: 0, writeBytesPerSecond: 0, readsPerSecond: 0, writesPerSecond: 0 } }),
    };
    const lifted = await runViv(["disk", "limit", "hello", "disk0", "--none"], { answers });
    assert.equal(lifted.stdout, "disk0: no limit\n");
    const set = await runViv(["disk", "limit", "hello", "disk0", "--write", "20M", "--reads", "50"], { answers });
    assert.deepEqual(set.client.calls[0]?.params, {
      machine: "hello",
      disk: "disk0",
      limits: { writeBytesPerSecond: 20 * 1024 ** 2, readsPerSecond: 50 },
    });
    for (const words of [[], ["--write", "fast"], ["--reads", "1.5"], ["--reads", "-1"]])
      assert.equal((await runViv(["disk", "limit", "hello", "disk0", ...words], { answers })).code, 2, words.join(" "));
  });

  it("tells what is in the CD-ROM drive", async () => {
    const show = async (media: object) =>
      (await runViv(["cdrom", "show", "hello"], { answers: { "media.show": () => media as never } })).stdout;
    assert.equal(await show({ drive: true, file: null, locked: false, needsRestart: false }), "hello: empty\n");
    assert.equal(await show({ drive: true, file: "/a.iso", locked: true, needsRestart: false }), "hello: /a.iso (held by the guest)\n");
    assert.match(await show({ drive: false, file: "/a.iso", locked: false, needsRestart: true }), /at the next start/);
    assert.equal(await show({ drive: false, file: null, locked: false, needsRestart: false }), "hello: no CD-ROM drive\n");
  });
});
