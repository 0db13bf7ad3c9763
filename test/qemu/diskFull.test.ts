import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { diskIsClean, killVivd, show, until, untilState } from "../support/faults.ts";
import { driversLoaded, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** A home on a small disk of its own: warned before it is full, paused when it is, and going on when there is space. */
describe("a host disk that fills up", function () {
  this.timeout(300_000);
  const machine = "full";
  const mib = 1024 ** 2;
  let disk: string;
  let home: TestHome;
  let client: VivClient;
  const notices: string[] = [];

  before(async () => {
    assert.equal(process.getuid?.(), 0, "mounting a tmpfs needs root");
    disk = await mkdtemp(join(tmpdir(), "viv-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256m,mode=0700", "tmpfs", disk]);
    home = await testHome({ parent: disk });
    await connect();
    await starterMachine(client, machine);
    await client.call("disk.add", { machine, size: "1G", id: "data" });
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    await driversLoaded(client, machine);
  });
  after(async () => {
    await home?.dispose();
    if (disk === undefined) return;
    // Lazily: a killed QEMU may still be letting go of its files.
    execFileSync("umount", ["-l", disk]);
    await rm(disk, { recursive: true });
  });

  async function connect(): Promise<void> {
    client = await home.client();
    client.onEvent((event: VivEvent) => {
      if (event.event === "machine.notice") notices.push(event.message);
    });
  }
  const warnings = () => notices.filter((text) => /nearly full/.test(text));
  async function freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(disk);
    return bavail * bsize;
  }
  /** Fills the disk but for so many bytes. */
  async function leave(bytes: number): Promise<void> {
    await rm(join(disk, "ballast"), { force: true });
    await writeFile(join(disk, "ballast"), Buffer.alloc(Math.max(0, (await freeBytes()) - bytes))).catch((error: { code: string }) =>
      assert.equal(error.code, "ENOSPC"),
    );
  }
  const room = () => rm(join(disk, "ballast"), { force: true });
  const sh = async (script: string) => {
    const ended = await client.call("machine.exec", { machine, command: ["sh", "-c", script], way: "agent" });
    assert.equal(ended.exitCode, 0, `${script}: ${Buffer.from(ended.stderrBase64, "base64")}`);
    return Buffer.from(ended.stdoutBase64, "base64").toString().trim();
  };
  /** Starts a writer in the guest that ends by leaving a mark; nothing waits for it. */
  const write = (offsetMib: number, count: number) =>
    sh(
      `rm -f /tmp/done; (dd if=/dev/urandom of=/tmp/block bs=1M count=1; i=0; while [ $i -lt ${count} ]; do dd if=/tmp/block of=/dev/vdb bs=1M seek=$((${offsetMib} + i)) conv=notrunc,fsync; i=$((i+1)); done; echo yes >/tmp/done) >/dev/null 2>&1 &`,
    );

  it("is warned of once, before a write fails", async () => {
    await leave(60 * mib);
    // The threshold was set when there was more space: the guest's own growth is what reaches it.
    await client.call("machine.pause", { machine });
    await client.call("machine.resume", { machine });
    assert.deepEqual(warnings(), []);
    await write(0, 55);
    await until("a warning", () => warnings().length > 0);
    assert.equal((await show(client, machine)).state, "running");
    assert.ok((await freeBytes()) > 0);
    await until("the writer's end", async () => (await sh("cat /tmp/done 2>/dev/null || true")) === "yes", 60_000);
    assert.equal(warnings().length, 1);
  });

  it("full: the machine is paused as disk-full, also for a service that comes later, and does not go on in vain", async () => {
    await leave(4 * mib);
    await write(64, 16);
    const paused = await untilState(client, machine, ["paused"]);
    assert.ok(paused.status.state === "paused" && paused.status.because === "disk-full", JSON.stringify(paused.status));
    await assert.rejects(client.call("machine.resume", { machine }), { code: "disk-full", hint: /viv resume/ });
    await killVivd(home);
    // As much as a service needs to start; QEMU tries again only when it is told.
    await leave(mib / 2);
    await connect();
    const adopted = await untilState(client, machine, ["paused"]);
    assert.ok(adopted.status.state === "paused" && adopted.status.because === "disk-full", JSON.stringify(adopted.status));
  });

  it("with space again one resume continues it, and the write that failed is there", async () => {
    await room();
    assert.equal((await client.call("machine.resume", { machine })).state, "running");
    await until("the writer's end", async () => (await sh("cat /tmp/done 2>/dev/null || true")) === "yes", 60_000);
    const sum = "md5sum | cut -c1-32";
    assert.equal(
      await sh(`for i in 64 70 79; do dd if=/dev/vdb bs=1M count=1 skip=$i 2>/dev/null | ${sum}; done | sort -u`),
      await sh(`cat /tmp/block | ${sum}`),
    );
    assert.equal(warnings().length, 1);
  });

  describe("with no room at all", () => {
    before(async () => {
      await client.call("machine.stop", { machine });
    });
    afterEach(room);

    const filesNow = async () => (await readdir(home.machineFolder(machine))).filter((name) => !/\.tmp$/.test(name)).sort();

    it("a disk is not added, and nothing of it stays", async () => {
      const before = [await filesNow(), (await client.call("machine.definition", { machine })).text];
      const image = join(disk, "image.img");
      await writeFile(image, Buffer.alloc(8 * mib, "content "));
      for (const [left, request] of [
        [0, { size: "64M" }],
        [2 * mib, { file: image, format: "raw" }],
      ] as const) {
        await leave(left);
        await assert.rejects(
          client.call("disk.add", { machine, id: "more", ...request }),
          { code: "disk-full", hint: /Free some space/ },
          `${left}`,
        );
        await room();
        assert.deepEqual([await filesNow(), (await client.call("machine.definition", { machine })).text], before);
      }
    });

    for (const left of [4096, 8192, 16_384, 24_576]) {
      it(`with ${left} bytes left a disk is added whole or not at all`, async () => {
        const before = [await filesNow(), (await client.call("machine.definition", { machine })).text];
        await leave(left);
        const outcome = await client.call("disk.add", { machine, id: "more", size: "64M" }).then(
          () => "added",
          (error: { code: string }) => error.code,
        );
        await room();
        if (outcome === "added") {
          await diskIsClean(home, machine, "more.qcow2");
          await client.call("disk.remove", { machine, disk: "more", delete: true });
        } else assert.equal(outcome, "disk-full");
        assert.deepEqual([await filesNow(), (await client.call("machine.definition", { machine })).text], before);
      });
    }

    it("a disk is not compacted, and stays as it was", async () => {
      await leave(mib);
      await assert.rejects(client.call("disk.compact", { machine, disk: "data" }), { code: "disk-full" });
      await room();
      await diskIsClean(home, machine, "data.qcow2");
      assert.ok(!(await filesNow()).some((name) => name.endsWith(".compact")));
      const { beforeBytes, afterBytes } = await client.call("disk.compact", { machine, disk: "data" });
      assert.ok(afterBytes > 60 * mib && afterBytes <= beforeBytes);
    });

    it("a disk is not removed or resized by half", async () => {
      await leave(0);
      await assert.rejects(client.call("disk.remove", { machine, disk: "data" }), { code: "disk-full" });
      const grown = await client
        .call("disk.resize", { machine, disk: "data", size: "200G" })
        .catch((error: { code: string }) => error.code);
      await room();
      const [, data] = await client.call("disk.list", { machine });
      assert.equal(data?.virtualBytes, typeof grown === "string" ? 1024 * mib : 200 * 1024 * mib);
      await diskIsClean(home, machine, "data.qcow2");
      await client.call("disk.remove", { machine, disk: "data" });
    });
  });
});
