import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { type CommandArguments, connectQmp } from "../../src/qemu/index.ts";
import { codeOf, show, untilState } from "../support/faults.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { allLayersAreClean } from "../support/snapshots.ts";
import { blocks, emptyMachine, WrittenDisk } from "../support/snapshotWalk.ts";
import { runTool } from "../support/tools.ts";

/**
 * The host's disk fails once, while a running machine's disks change: QEMU's blkdebug is put below an image by QMP. It is
 * said what failed, the machine runs on as it was with every byte, and the same thing then succeeds.
 */
describe("an I/O error of the host", function () {
  this.timeout(120_000);
  const machine = "broken";
  let home: TestHome;
  let client: VivClient;
  let disk: WrittenDisk;
  let faults = 0;

  before(async () => {
    home = await testHome();
    client = await home.client();
  });
  after(() => home.dispose());

  /** Layers of 2, 1 (`low`), 9 (`middle`), 1 (`small`) blocks and the present's 6; QEMU has them by its command line. */
  async function prepare(): Promise<Map<string, readonly number[]>> {
    if ((await client.call("machine.list", {})).length > 0) {
      await client.call("machine.remove", { machine, force: true });
      await client.call("machine.emptyTrash", {});
    }
    await emptyMachine(client, machine);
    disk = new WrittenDisk(home, machine);
    const now = Array.from({ length: blocks }, () => 0);
    const contents = new Map<string, readonly number[]>();
    for (const [name, from, to] of [
      ["base", 0, 2],
      ["low", 2, 3],
      ["middle", 3, 12],
      ["small", 12, 13],
    ] as const) {
      for (let block = from; block < to; block += 1) {
        await disk.write(await show(client, machine), block, block + 100);
        now[block] = block + 100;
      }
      await client.call("snapshot.create", { machine, name });
      contents.set(name, [...now]);
    }
    for (let block = 20; block < 26; block += 1) {
      await disk.write(await show(client, machine), block, block);
      now[block] = block;
    }
    contents.set("now", now);
    await client.call("machine.start", { machine });
    return contents;
  }

  /** The next request of a kind to the file of a layer fails with EIO. Writes: of the layer the guest writes to alone. */
  async function failOnce(layer: string, fault: { event: string; iotype?: string }): Promise<void> {
    disk.forgetProcess();
    const { id } = await show(client, machine);
    const qmp = await connectQmp(connectSocket(join(home.folder, "run", id.slice(0, 8), "rescue.sock")));
    try {
      const nodes = await qmp.execute("query-named-block-nodes", { flat: true });
      const file = nodes.find(({ drv, file: path }) => drv === "file" && path === join(home.machineFolder(machine), layer))?.["node-name"];
      assert.ok(file !== undefined, `QEMU does not have ${layer}`);
      const node = file.replace(/\.(f|file)$/, "");
      const below = nodes.find(({ "node-name": name }) => name === `disk0.base${Number(/base(\d+)$/.exec(node)?.[1] ?? 0) + 1}`);
      const readOnly = nodes.find(({ "node-name": name }) => name === node)?.ro ?? false;
      faults += 1;
      const fails = `fails${faults}`;
      // Firmware that still looks for something to boot reads tables; the data of the layer it does not.
      const sector = fault.iotype === "read" ? { sector: (await dataOffset(layer)) / 512 } : {};
      const rule = { ...fault, ...sector, errno: 5, once: true };
      const added = { driver: "blkdebug", "node-name": fails, image: file, "inject-error": [rule] } as CommandArguments<"blockdev-add">;
      await qmp.execute("blockdev-add", added);
      const reopened = { driver: "qcow2", "node-name": node, file: fails, backing: below?.["node-name"] ?? null, "read-only": readOnly };
      await qmp.execute("blockdev-reopen", { options: [reopened] });
    } finally {
      qmp.dispose();
    }
  }

  /** Where the layer's own data begins in its file. */
  async function dataOffset(layer: string): Promise<number> {
    const mapped = await runTool("qemu-img", ["map", "-U", "--output=json", "-f", "qcow2", layer], home.machineFolder(machine));
    const own = (JSON.parse(mapped.stdout) as { depth: number; data: boolean; offset?: number }[]).find(
      ({ depth, data }) => depth === 0 && data,
    );
    assert.ok(own?.offset !== undefined, `${layer} holds nothing: ${mapped.stderr}`);
    return own.offset;
  }

  const layerOf = async (name: string) => {
    const { snapshots, current } = await disk.records();
    return (name === "now" ? current : snapshots.find((each) => each.name === name))?.layers["disk0"] ?? "";
  };

  async function everythingIsThere(contents: ReadonlyMap<string, readonly number[]>): Promise<void> {
    const shown = await untilState(client, machine, ["running"]);
    assert.deepEqual(await disk.present(shown), contents.get("now"), "the present");
    for (const { name, layers } of (await disk.records()).snapshots)
      assert.deepEqual(await disk.content(layers["disk0"] ?? ""), contents.get(name), `snapshot ${name}`);
    const { snapshots } = await client.call("snapshot.list", { machine, removed: true });
    for (const { name, problem } of snapshots) assert.equal(problem, undefined, name);
    await allLayersAreClean(home, machine);
  }

  const write = { event: "none", iotype: "write" };
  const read = { event: "none", iotype: "read" };
  const flush = { event: "none", iotype: "flush" };
  const rows: Record<string, { at: string; fault: { event: string; iotype?: string }; run: () => Promise<unknown> }> = {
    "flush, creating one with memory": {
      at: "now",
      fault: flush,
      run: () => client.call("snapshot.create", { machine, name: "new", memory: true }),
    },
    "flush, creating one of the disks alone": {
      at: "now",
      fault: flush,
      run: () => client.call("snapshot.create", { machine, name: "new", memory: false }),
    },
    "flush, keeping the present before a restore": {
      at: "now",
      fault: flush,
      run: () => client.call("snapshot.restore", { machine, snapshot: "base" }),
    },
    "read, merging upwards": {
      at: "low",
      fault: read,
      run: () => client.call("snapshot.remove", { machine, snapshot: "low", now: true }),
    },
    "read, merging downwards": {
      at: "small",
      fault: read,
      run: () => client.call("snapshot.remove", { machine, snapshot: "middle", now: true }),
    },
    "write, merging into what the guest writes to": {
      at: "now",
      fault: write,
      run: () => client.call("snapshot.remove", { machine, snapshot: "small", now: true }),
    },
    "write, enlarging a disk": { at: "now", fault: write, run: () => client.call("disk.resize", { machine, disk: "disk0", size: "+1M" }) },
  };

  for (const [title, { at, fault, run }] of Object.entries(rows))
    it(`${title}: said, and everything is there`, async () => {
      const contents = await prepare();
      await failOnce(await layerOf(at), fault);
      // What nobody wrote to needs no flush.
      if (fault === flush) {
        await disk.write(await show(client, machine), 30, 77);
        contents.set("now", Object.assign([...(contents.get("now") ?? [])], { 30: 77 }));
      }
      const outcome = await run().then(
        () => undefined,
        (thrown: { code?: string; message: string }) => thrown,
      );
      console.log(`      ${outcome?.code}: ${outcome?.message}`);
      assert.match(`${outcome?.message}`, /I\/O error|Input\/output error|IO error/);
      await everythingIsThere(contents);
      if (title.includes("creating")) contents.set("new", contents.get("now") ?? []);
      // A snapshot whose layer could not be merged is gone; the merge is made up for.
      const again = title.includes("merging") ? client.call("snapshot.empty", { machine }) : run();
      assert.equal(await codeOf(again), undefined, "the same again");
    });
});
