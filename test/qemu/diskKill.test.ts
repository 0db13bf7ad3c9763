import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import type { VivClient } from "../../src/api/index.ts";
import { codeOf, diskIsClean, killHard, killVivd, type Pauses, qemuPids, show, untilState } from "../support/faults.ts";
import { driversLoaded, starterMachine, type TestHome } from "../support/home.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";

/**
 * `kill -9` of vivd, and of vivd and QEMU together, at every step of every change of a machine's disks. Afterwards the
 * change is there or it is not (src/machine/disks/recover.ts says which); never a file that nobody names, a listed disk
 * without its file, or a second QEMU; and what was on the disk is on it.
 */

type Outcome = "done" | "undone";

interface Row {
  readonly change: "add" | "remove" | "delete" | "restore" | "resize" | "compact" | "insert";
  readonly step: string;
  readonly vivd: Outcome;
  /** Both killed; absent: nothing runs. */
  readonly both?: Outcome;
}

const stoppedRows: readonly Row[] = [
  { change: "add", step: "making the image", vivd: "undone" },
  { change: "add", step: "recording", vivd: "undone" },
  { change: "remove", step: "recording", vivd: "undone" },
  { change: "remove", step: "putting it away", vivd: "done" },
  { change: "delete", step: "recording", vivd: "undone" },
  { change: "delete", step: "putting it away", vivd: "done" },
  { change: "restore", step: "bringing it back", vivd: "done" },
  { change: "restore", step: "recording", vivd: "done" },
  { change: "resize", step: "growing it", vivd: "undone" },
  { change: "compact", step: "rewriting it", vivd: "undone" },
  { change: "compact", step: "putting it in place", vivd: "undone" },
  { change: "insert", step: "changing the medium", vivd: "undone" },
];

const runningRows: readonly Row[] = [
  { change: "add", step: "making the image", vivd: "undone", both: "undone" },
  { change: "add", step: "plugging it in", vivd: "undone", both: "undone" },
  { change: "add", step: "recording", vivd: "done", both: "undone" },
  { change: "remove", step: "unplugging it", vivd: "undone", both: "undone" },
  { change: "remove", step: "recording", vivd: "done", both: "undone" },
  { change: "remove", step: "putting it away", vivd: "done", both: "done" },
  { change: "restore", step: "plugging it in", vivd: "done", both: "done" },
  { change: "resize", step: "growing it", vivd: "undone", both: "undone" },
  { change: "insert", step: "changing the medium", vivd: "undone", both: "undone" },
];

const machine = "victim";
const mib = 1024 ** 2;
const kept = "what was on the disk";

describe("kill -9 while disks change", function () {
  this.timeout(240_000);
  let paused: PausedHome;
  let iso: string;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    paused = await pausedHome();
    ({ pauses, home, client } = paused);
    const content = Buffer.alloc(64 * 1024);
    content.write("\x01CD001\x01", 32_768, "latin1");
    iso = join(home.folder, "disc.iso");
    await writeFile(iso, content);
    // Known content, so that a disk can be told from an empty one without booting.
    await writeFile(paused.world.path("content.img"), Buffer.alloc(4 * mib, kept));
    await starterMachine(client, machine, { set: ["cdrom={}"] });
  });
  after(() => paused.dispose());

  const ids = async () => (await client.call("disk.list", { machine })).map(({ id }) => id);
  const file = (name: string) => join(home.machineFolder(machine), name);

  /** The machine with the disk `data` and without `more`, nothing in the trash or the drive. */
  async function prepare(running: boolean): Promise<void> {
    const { state } = await show(client, machine);
    const list = await client.call("disk.list", { machine });
    const data = list.find(({ id }) => id === "data");
    const plugged = data?.attached === true;
    const whole = data !== undefined && data.virtualBytes === 4 * mib && (!running || plugged);
    if (!whole || list.some(({ id }) => id === "more") || (running && state !== "running")) {
      if (state !== "stopped") await client.call("machine.kill", { machine });
      for (const { id } of list) if (id !== "disk0") await client.call("disk.remove", { machine, disk: id, delete: true });
      await client.call("disk.emptyTrash", { machine });
      if (running) await boot();
      await client.call("disk.add", { machine, id: "data", file: paused.world.path("content.img"), format: "raw" });
    }
    if (!running && (await show(client, machine)).state !== "stopped") await client.call("machine.kill", { machine });
    await client.call("disk.emptyTrash", { machine });
    if ((await client.call("media.show", { machine })).file !== null) await client.call("media.eject", { machine, force: true });
  }

  async function boot(): Promise<void> {
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    await driversLoaded(client, machine);
  }

  async function run(change: Row["change"]): Promise<unknown> {
    switch (change) {
      case "add":
        return client.call("disk.add", { machine, id: "more", size: "16M" });
      case "remove":
        return client.call("disk.remove", { machine, disk: "data" });
      case "delete":
        return client.call("disk.remove", { machine, disk: "data", delete: true });
      case "restore":
        return client.call("disk.restoreRemoved", { machine, disk: "data" });
      case "resize":
        return client.call("disk.resize", { machine, disk: "data", size: "8M" });
      case "compact":
        return client.call("disk.compact", { machine, disk: "data" });
      case "insert":
        return client.call("media.insert", { machine, file: iso });
    }
  }

  async function isDone(change: Row["change"]): Promise<boolean> {
    const list = await client.call("disk.list", { machine });
    const data = list.find(({ id }) => id === "data");
    switch (change) {
      case "add":
        return list.some(({ id }) => id === "more");
      case "remove":
      case "delete":
        return data === undefined;
      case "restore":
        return data !== undefined;
      case "resize":
        return data?.virtualBytes === 8 * mib;
      case "compact":
        return false;
      case "insert":
        return (await client.call("media.show", { machine })).file === iso;
    }
  }

  /** What must be true whatever happened. */
  async function examine(running: boolean): Promise<void> {
    const shown = await untilState(client, machine, running ? ["running"] : ["stopped", "failed"]);
    assert.deepEqual(await qemuPids(home.folder), shown.pid === null ? [] : [shown.pid]);
    assert.deepEqual(
      shown.pendingChanges.filter((path) => path.startsWith("disks")),
      [],
    );
    const written = parse(await readFile(file("vm.json"), "utf8")) as { disks: { id: string; file: string }[] };
    assert.deepEqual(
      await ids(),
      written.disks.map(({ id }) => id),
    );
    const images = (await readdir(home.machineFolder(machine))).filter((name) => /\.(qcow2|compact)/.test(name));
    assert.deepEqual(images.sort(), written.disks.map((disk) => disk.file).sort(), "files and vm.json differ");
    for (const { problem } of await client.call("disk.list", { machine })) assert.equal(problem, undefined);
    const trash = await client.call("disk.trash", { machine });
    const data = written.disks.find(({ id }) => id === "data");
    assert.ok(trash.length <= 1 && (data === undefined || trash.length === 0), "the disk is in the trash and in the machine");
    if (shown.pid !== null) return;
    for (const disk of written.disks) await diskIsClean(home, machine, disk.file);
    if (data) assert.ok((await readFile(file(data.file))).includes(kept.repeat(100)));
    for (const each of trash) assert.ok(each.bytes > 4 * mib);
  }

  async function strike(row: Row, running: boolean, both: boolean): Promise<void> {
    await prepare(running);
    if (row.change === "restore") await client.call("disk.remove", { machine, disk: "data" });
    if (row.change === "compact") await addHole();
    const pause = await pauses.at("disk", row.step);
    const outcome = codeOf(run(row.change));
    await pause.reached();
    await killVivd(home);
    if (both) for (const pid of await qemuPids(home.folder)) await killHard(pid);
    await pause.release();
    assert.equal(await outcome, "daemon-unavailable");
    client = await home.client();
    await examine(running && !both);
    assert.equal(await isDone(row.change), (both ? row.both : row.vivd) === "done");
  }

  /** Space in the layer that nobody uses, so that compacting has something to do. */
  async function addHole(): Promise<void> {
    const { size } = await stat(file("data.qcow2"));
    // On the disk, so that it counts as taken; twice what is asked for, since used clusters may take less than they are long.
    await writeFile(file("data.qcow2"), Buffer.alloc(8 * mib, 1), { flag: "a", flush: true });
    assert.ok((await stat(file("data.qcow2"))).size > size);
    const data = (await client.call("disk.list", { machine })).find(({ id }) => id === "data");
    assert.ok((data?.reclaimableBytes ?? 0) >= 4 * mib, "what nobody uses can be given back");
  }

  describe("of a stopped machine", () => {
    for (const row of stoppedRows) it(`${row.change}, at “${row.step}”, of vivd: ${row.vivd}`, () => strike(row, false, false));

    it("compact, in the middle of qemu-img, of vivd: the layer is the old one", async () => {
      await prepare(false);
      await addHole();
      const pause = await pauses.at("disk", "rewriting it");
      const outcome = codeOf(run("compact"));
      await pause.reached();
      await pause.release();
      await new Promise((wake) => setTimeout(wake, 15));
      await killVivd(home);
      assert.equal(await outcome.then((code) => code ?? "daemon-unavailable"), "daemon-unavailable");
      client = await home.client();
      await examine(false);
    });

    it("one change at a time: others are told to wait, and a cancelled one leaves nothing", async () => {
      await prepare(false);
      await addHole();
      const before = await readdir(home.machineFolder(machine));
      const pause = await pauses.at("disk", "rewriting it");
      const cancel = new AbortController();
      const compacting = codeOf(client.call("disk.compact", { machine, disk: "data" }, { signal: cancel.signal }));
      await pause.reached();
      for (const change of ["add", "remove", "resize", "insert"] as const) assert.equal(await codeOf(run(change)), "locked", change);
      for (const call of [client.call("machine.start", { machine }), client.call("disk.check", { machine, disk: "data" })])
        assert.equal(await codeOf(call), "locked");
      cancel.abort();
      await pause.release();
      assert.equal(await compacting, "cancelled");
      await untilState(client, machine, ["stopped", "failed"]);
      assert.deepEqual(await readdir(home.machineFolder(machine)), before);
      await examine(false);
    });

    it("a copy that is cancelled leaves nothing", async () => {
      await prepare(false);
      const pause = await pauses.at("disk", "making the image");
      const cancel = new AbortController();
      const image = { file: paused.world.path("content.img"), format: "raw" } as const;
      const adding = codeOf(client.call("disk.add", { machine, id: "more", ...image }, { signal: cancel.signal }));
      await pause.reached();
      cancel.abort();
      await pause.release();
      assert.equal(await adding, "cancelled");
      await untilState(client, machine, ["stopped", "failed"]);
      assert.equal(await isDone("add"), false);
      await examine(false);
    });

    it("and then everything works", async () => {
      await prepare(false);
      assert.equal((await client.call("disk.check", { machine, disk: "data" })).sound, true);
      await run("remove");
      await run("restore");
      await run("resize");
      assert.equal(await isDone("resize"), true);
    });
  });

  describe("of a running machine", () => {
    for (const row of runningRows) {
      it(`${row.change}, at “${row.step}”, of vivd: ${row.vivd}`, () => strike(row, true, false));
      if (row.both !== undefined) it(`${row.change}, at “${row.step}”, of both: ${row.both}`, () => strike(row, true, true));
    }

    it("and then everything works, and the guest reads what was on the disk", async () => {
      await prepare(true);
      await run("remove");
      await run("restore");
      await run("insert");
      const read = await client.call("machine.exec", {
        machine,
        command: [
          "sh",
          "-c",
          // The guest takes up a disk that was plugged in a moment after we did.
          `for i in $(seq 100); do for d in /sys/block/vd*; do [ "$(cat $d/serial)" = data ] && exec head -c ${kept.length} /dev/$(basename $d); done; sleep 0.2; done`,
        ],
        way: "agent",
      });
      assert.equal(Buffer.from(read.stdoutBase64, "base64").toString(), kept);
      await client.call("machine.kill", { machine });
      await examine(false);
    });
  });
});
