import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { VivClient } from "../../src/api/index.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { allLayersAreClean } from "../support/snapshots.ts";
import { emptyMachine } from "../support/snapshotWalk.ts";
import { runTool } from "../support/tools.ts";

const execute = promisify(execFile);

/** A qcow2 file that came with snapshots inside: they are listed, and become ours with their content. */
describe("snapshots inside an image", function () {
  this.timeout(60_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await emptyMachine(client, "old");
    await fill(0x11);
    await runTool("qemu-img", ["snapshot", "-c", "first try", disk()], home.folder);
    await fill(0x22);
    await runTool("qemu-img", ["snapshot", "-c", "second", disk()], home.folder);
    await fill(0x33);
  });
  after(() => home.dispose());

  const disk = () => join(home.machineFolder("old"), "disk0.qcow2");
  const io = (file: string, command: string) => execute("qemu-io", ["-f", "qcow2", "-c", command, file]);
  const fill = (pattern: number) => io(disk(), `write -P ${pattern} 0 1M`);

  /** What the guest would read now. */
  async function holds(pattern: number): Promise<void> {
    const [shown] = (await client.call("machine.show", { machine: "old" })).disks;
    const { stdout } = await io(shown?.file ?? "", `read -P ${pattern} 0 1M`);
    assert.doesNotMatch(stdout, /Pattern verification failed/);
  }

  it("are listed with name, time and size of memory", async () => {
    const { internal, snapshots } = await client.call("snapshot.list", { machine: "old" });
    assert.deepEqual(
      internal.map((each) => [each.disk, each.id, each.name, each.memoryBytes]),
      [
        ["disk0", "1", "first try", 0],
        ["disk0", "2", "second", 0],
      ],
    );
    assert.ok(internal.every((each) => Math.abs(Date.now() - Date.parse(each.createdAt)) < 600_000));
    assert.deepEqual(snapshots, []);
  });

  it("become ours, under their own name where it can be one", async () => {
    const first = await client.call("snapshot.adopt", { machine: "old", disk: "disk0", id: "1" });
    const second = await client.call("snapshot.adopt", { machine: "old", disk: "disk0", id: "2" });
    assert.deepEqual([first.name, second.name], ["s1", "second"]);
    assert.equal(second.consistency, "crash-consistent");
    await holds(0x33);
    await allLayersAreClean(home, "old");
  });

  it("are places to go back to, and the present is kept", async () => {
    await client.call("snapshot.restore", { machine: "old", snapshot: "s1" });
    await holds(0x11);
    const { safety } = await client.call("snapshot.restore", { machine: "old", snapshot: "second" });
    await holds(0x22);
    assert.equal(safety, null, "nothing was written since the last restore");
    await client.call("snapshot.restore", { machine: "old", snapshot: "before-restore-1" });
    await holds(0x33);
    await allLayersAreClean(home, "old");
  });

  it("are refused where there is none of the name, and while the machine runs", async () => {
    await assert.rejects(client.call("snapshot.adopt", { machine: "old", disk: "disk0", id: "9" }), { code: "not-found" });
    await emptyMachine(client, "busy");
    await client.call("machine.start", { machine: "busy" });
    await assert.rejects(client.call("snapshot.adopt", { machine: "busy", disk: "disk0", id: "1" }), { code: "wrong-state" });
    await client.call("machine.kill", { machine: "busy" });
  });
});
