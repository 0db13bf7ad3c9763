import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { codeOf, pausesIn, show, untilState } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { allLayersAreClean, until } from "../support/snapshots.ts";
import { blocks, emptyMachine, WrittenDisk } from "../support/snapshotWalk.ts";

const run = promisify(execFile);

/** A full disk at each step, a guest that is quicker than the disk, memory that cannot be saved, firmware and TPM. */
describe("snapshots in trouble", function () {
  this.timeout(240_000);

  describe("on a full disk", () => {
    let mount: string;
    let pauseFolder: string;
    let home: TestHome;
    let client: VivClient;
    let disk: WrittenDisk;
    const now = Array.from({ length: blocks }, () => 0);

    before(async () => {
      mount = await mkdtemp(join(tmpdir(), "vf-"));
      pauseFolder = await mkdtemp(join(tmpdir(), "viv-"));
      await run("mount", ["-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", mount]);
      home = await testHome({ parent: mount, environment: pausesIn(pauseFolder).environment });
      client = await home.client();
      await emptyMachine(client, "full");
      disk = new WrittenDisk(home, "full");
      for (let block = 0; block < 8; block += 1) {
        await disk.write(await show(client, "full"), block, block + 1);
        now[block] = block + 1;
      }
      await client.call("machine.start", { machine: "full" });
      await client.call("snapshot.create", { machine: "full", name: "base", memory: false });
    });
    after(async () => {
      await home?.dispose();
      await run("umount", [mount]);
      await rm(mount, { recursive: true, force: true });
      await rm(pauseFolder, { recursive: true, force: true });
    });

    const steps: Record<string, { kind: "snapshot" | "restore"; step: string; start: () => Promise<unknown> }> = {
      "create, from the start": {
        kind: "snapshot",
        step: "preparing",
        start: () => client.call("snapshot.create", { machine: "full", name: "new", memory: true }),
      },
      "create, while memory is saved": {
        kind: "snapshot",
        step: "saving memory",
        start: () => client.call("snapshot.create", { machine: "full", name: "new", memory: true }),
      },
      "create, at its record": {
        kind: "snapshot",
        step: "recording",
        start: () => client.call("snapshot.create", { machine: "full", name: "new", memory: true }),
      },
      "create of disks, at the switch": {
        kind: "snapshot",
        step: "switching the disks",
        start: () => client.call("snapshot.create", { machine: "full", name: "new", memory: false }),
      },
      "restore, from the start": {
        kind: "restore",
        step: "checking",
        start: () => client.call("snapshot.restore", { machine: "full", snapshot: "base" }),
      },
      "restore, at its layers": {
        kind: "restore",
        step: "making layers",
        start: () => client.call("snapshot.restore", { machine: "full", snapshot: "base", safety: false }),
      },
    };

    for (const [title, { kind, step, start }] of Object.entries(steps)) {
      it(`${title}: it says so, or succeeds; the machine runs on with every byte`, async () => {
        if ((await show(client, "full")).pid === null) await client.call("machine.start", { machine: "full" });
        disk.forgetProcess();
        const filler = join(mount, "filler");
        const pause = await pausesIn(pauseFolder).at(kind, step);
        const outcome = codeOf(start());
        await pause.reached();
        await run("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"]).catch(() => undefined);
        await pause.release();
        const code = await outcome;
        console.log(`      ${code ?? "succeeded"}`);
        await rm(filler);
        assert.ok(code === undefined || code === "disk-full", `it ended with ${code}`);
        const shown = await untilState(client, "full", ["running"]);
        assert.deepEqual(await disk.present(shown), now);
        const names = (await client.call("snapshot.list", { machine: "full" })).snapshots.map(
          ({ name, problem }) => `${name}${problem ?? ""}`,
        );
        assert.ok(names.includes("base") && names.every((name) => /^(base|new|before-restore-\d+)$/.test(name)), names.join());
        assert.equal(names.includes("new"), kind === "snapshot" && code === undefined);
        await allLayersAreClean(home, "full");
        for (const name of names) if (name !== "base") await client.call("snapshot.remove", { machine: "full", snapshot: name });
        await client.call("snapshot.empty", { machine: "full" });
        const folder = home.machineFolder("full");
        assert.deepEqual(
          await readdir(join(folder, "snapshots")),
          (await disk.records()).snapshots.map(({ id }) => id),
        );
      });
    }
  });

  describe("with a guest", () => {
    let home: TestHome;
    let client: VivClient;
    const notices: Extract<VivEvent, { event: "machine.notice" }>[] = [];

    before(async () => {
      home = await testHome({ environment: { VIVARIUM_TEST_CONVERGE_MS: "1" } });
      client = await home.client();
      client.onEvent((event) => void (event.event === "machine.notice" && notices.push(event)));
      await starterMachine(client, "quick", { start: true });
    });
    after(() => home.dispose());

    it("that would never end is paused, and that is said; then it goes on", async () => {
      const view = await client.call("snapshot.create", { machine: "quick", memory: true });
      assert.equal(view.consistency, "memory");
      assert.ok(notices.some(({ message }) => /paused until the snapshot is taken/.test(message)));
      await untilState(client, "quick", ["running"]);
      assert.equal(await guest(client, "quick", "echo", "here"), "here");
    });

    it("that a person paused stays paused, twice", async () => {
      await client.call("machine.pause", { machine: "quick" });
      for (let count = 0; count < 2; count += 1) {
        await client.call("snapshot.create", { machine: "quick", memory: true });
        assert.equal((await show(client, "quick")).state, "paused");
      }
      await client.call("machine.resume", { machine: "quick" });
      assert.equal(await guest(client, "quick", "echo", "here"), "here");
    });

    it("cancelled: the guest goes on, and nothing is left", async () => {
      const before = await readFile(join(home.machineFolder("quick"), "snapshots.json"), "utf8");
      const cancel = new AbortController();
      const outcome = codeOf(
        client.call("snapshot.create", { machine: "quick", memory: true }, { signal: cancel.signal, onProgress: () => cancel.abort() }),
      );
      assert.equal(await outcome, "cancelled");
      await untilState(client, "quick", ["running"]);
      await until(
        "the record is as before",
        async () => (await readFile(join(home.machineFolder("quick"), "snapshots.json"), "utf8")) === before,
      );
      assert.equal(await guest(client, "quick", "echo", "here"), "here");
    });

    it("keeps UEFI's variables and the TPM's state of that moment", async () => {
      await client.call("machine.create", {
        name: "firm",
        memory: "128M",
        disk: "2M",
        set: ["display.type=none", 'firmware={"type":"uefi"}', "devices.tpm=true", "networks=[]"],
      });
      await client.call("machine.start", { machine: "firm" });
      const folder = home.machineFolder("firm");
      const view = await client.call("snapshot.create", { machine: "firm", name: "one", memory: true });
      assert.equal(view.consistency, "memory");
      const { snapshots } = JSON.parse(await readFile(join(folder, "snapshots.json"), "utf8")) as {
        snapshots: { layers: Record<string, string> }[];
      };
      assert.equal(snapshots[0]?.layers["uefi.nvram"], "nvram.qcow2");
      await client.call("machine.kill", { machine: "firm" });
      await writeFile(join(folder, "tpm", "changed"), "since");
      await client.call("snapshot.restore", { machine: "firm", snapshot: "one" });
      assert.equal((await show(client, "firm")).state, "running");
      assert.ok(!(await readdir(join(folder, "tpm"))).includes("changed"));
      await client.call("snapshot.remove", { machine: "firm", snapshot: "one", now: true });
      await allLayersAreClean(home, "firm");
      await client.call("machine.kill", { machine: "firm" });
      await client.call("machine.start", { machine: "firm" });
      assert.equal((await show(client, "firm")).state, "running");
    });
  });
});
