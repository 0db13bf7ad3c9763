import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { codeOf, everything, killHard, killVivd, type Pauses, qemuPids, show, until, untilState } from "../support/faults.ts";
import type { TestHome } from "../support/home.ts";
import { KnownMachine } from "../support/knownMachine.ts";
import { ovfText, tarOf } from "../support/ova.ts";
import { gptDisk } from "../support/partitionedDisk.ts";
import { runTool } from "../support/tools.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";

/**
 * What takes long, broken in the middle: the disk is full from a step on, qemu-img is killed at its work (with vivd, too),
 * QEMU dies at a step. Whatever breaks: the machine is as it was or as it should become, every byte is there, nothing
 * half-made is left, and the same thing then works. Kills of vivd at each step: snapshotKill, diskKill, clone, import, export.
 */

/** Some qemu-imgs live for a few milliseconds only. */
const notSeen = "no qemu-img was seen";

type Fault = "full" | "qemu-img" | "qemu-img and vivd" | "QEMU";

interface Operation {
  readonly kind: string;
  readonly running: boolean;
  prepare?(): Promise<unknown>;
  start(): Promise<unknown>;
  /** What it makes, from where the faults are: gone or whole afterwards. */
  readonly makes?: "machine" | "file";
}

function isQemuImg(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("qemu-img");
  } catch {
    return false;
  }
}

const machineName = "halfway";

describe("broken in the middle", function () {
  this.timeout(120_000);
  let mount: string;
  let paused: PausedHome;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let machine: KnownMachine;
  let ova: string;
  let out: string;

  before(async () => {
    mount = await mkdtemp(join(tmpdir(), "vh-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=192m,mode=0700", "tmpfs", mount]);
    paused = await pausedHome({ parent: mount });
    ({ pauses, home, client } = paused);
    machine = new KnownMachine(home, machineName);
    out = join(mount, "out");
    await mkdir(out);
    const { path } = paused.world;
    await gptDisk(path("disk.raw"), "BOOTX64.EFI");
    await qemuImg("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", path("disk.raw"), path("disk.vmdk"));
    const stream = await readFile(path("disk.vmdk"));
    const disks = ["one.vmdk", "two.vmdk"];
    const capacity = 32 * 1024 ** 2;
    ova = path("pair.ova");
    await writeFile(
      ova,
      tarOf([
        {
          name: "a.ovf",
          data: ovfText(
            "a",
            disks.map((file) => ({ file, capacity })),
          ),
        },
        ...disks.map((name) => ({ name, data: stream })),
      ]),
    );
  });
  after(async () => {
    await paused?.dispose();
    execFileSync("umount", ["-l", mount]);
    await rm(mount, { recursive: true, force: true });
  });

  async function qemuImg(...args: string[]): Promise<void> {
    const { exitCode, stderr } = await runTool("qemu-img", args, paused.world.folder);
    assert.equal(exitCode, 0, stderr);
  }

  const on = { machine: machineName };
  const operations: Record<string, Operation> = {
    import: { kind: "import", running: false, makes: "machine", start: () => client.call("machine.import", { file: ova, name: "made" }) },
    "full clone": { kind: "clone", running: false, makes: "machine", start: () => client.call("machine.clone", { ...on, name: "made" }) },
    "linked clone": {
      kind: "clone",
      running: false,
      makes: "machine",
      start: () => client.call("machine.clone", { ...on, name: "made", linked: true }),
    },
    "full clone of what runs": {
      kind: "clone",
      running: true,
      makes: "machine",
      start: () => client.call("machine.clone", { ...on, name: "made" }),
    },
    "linked clone of what runs": {
      kind: "clone",
      running: true,
      makes: "machine",
      start: () => client.call("machine.clone", { ...on, name: "made", linked: true }),
    },
    "merge of an inner one": {
      kind: "merge",
      running: false,
      start: () => client.call("snapshot.remove", { ...on, snapshot: "second", now: true }),
    },
    "merge downwards": {
      kind: "merge",
      running: false,
      // The layer above gets the lower one's name.
      prepare: () => machine.take(client, "fourth"),
      start: () => client.call("snapshot.remove", { ...on, snapshot: "third", now: true }),
    },
    "merge of the last": {
      kind: "merge",
      running: false,
      start: () => client.call("snapshot.remove", { ...on, snapshot: "third", now: true }),
    },
    "merge of an inner one that runs": {
      kind: "merge",
      running: true,
      start: () => client.call("snapshot.remove", { ...on, snapshot: "second", now: true }),
    },
    "merge of the last that runs": {
      kind: "merge",
      running: true,
      start: () => client.call("snapshot.remove", { ...on, snapshot: "third", now: true }),
    },
    resize: { kind: "disk", running: false, start: () => client.call("disk.resize", { ...on, disk: "disk0", size: "64G" }) },
    "resize while it runs": { kind: "disk", running: true, start: () => client.call("disk.resize", { ...on, disk: "disk0", size: "64G" }) },
    "export as vmdk": { kind: "export", running: false, makes: "file", start: () => write("made.vmdk") },
    "export as OVA": { kind: "export", running: false, makes: "file", start: () => write("made.ova") },
    convert: {
      kind: "convert",
      running: false,
      makes: "file",
      start: () => client.call("image.convert", { file: paused.world.path("disk.vmdk"), target: join(out, "made.qcow2"), format: "qcow2" }),
    },
  };
  const write = (name: string) => client.call("machine.export", { ...on, file: join(out, name) });

  const table: readonly (readonly [operation: keyof typeof operations, step: string, ...faults: Fault[]])[] = [
    ["import", "reading the image", "full", "qemu-img"],
    ["import", "copied 1", "full", "qemu-img and vivd"],
    ["import", "putting it in place", "full"],
    ["full clone", "copying", "full", "qemu-img"],
    ["full clone", "copying the disk", "full", "qemu-img and vivd"],
    ["full clone", "putting it in place", "full"],
    ["linked clone", "making layers", "full"],
    ["linked clone", "linking", "full"],
    ["linked clone", "putting it in place", "full"],
    ["full clone of what runs", "switching the disks", "full", "QEMU"],
    ["full clone of what runs", "copying the disk", "full", "qemu-img", "QEMU"],
    ["full clone of what runs", "putting it in place", "QEMU"],
    ["linked clone of what runs", "switching the disks", "full", "QEMU"],
    ["linked clone of what runs", "linking", "full", "QEMU"],
    ["linked clone of what runs", "putting it in place", "QEMU"],
    ["merge of an inner one", "removing", "full"],
    ["merge of an inner one", "merging", "full", "qemu-img", "qemu-img and vivd"],
    ["merge of an inner one", "switching", "full"],
    ["merge downwards", "merging", "full", "qemu-img"],
    ["merge downwards", "switching", "full", "qemu-img", "qemu-img and vivd"],
    ["merge of the last", "deleting", "full"],
    ["merge of the last", "merging", "full", "qemu-img", "qemu-img and vivd"],
    ["merge of the last", "switching", "full"],
    ["merge of an inner one that runs", "merging", "full"],
    ["merge of an inner one that runs", "finalizing", "full"],
    ["merge of an inner one that runs", "switching", "full"],
    ["merge of the last that runs", "merging", "full"],
    ["merge of the last that runs", "going over", "full"],
    ["merge of the last that runs", "switching", "full"],
    ["resize", "growing it", "full", "qemu-img", "qemu-img and vivd"],
    ["resize while it runs", "growing it", "full", "QEMU"],
    ["export as vmdk", "writing disk0", "full", "qemu-img", "qemu-img and vivd"],
    ["export as OVA", "writing disk0", "full", "qemu-img"],
    ["export as OVA", "computing the checksum", "full"],
    ["export as OVA", "putting it in place", "full"],
    ["convert", "converted", "full"],
  ];

  /** Kills a qemu-img that vivd runs as soon as it is seen. @returns whether there was one. */
  async function killQemuImg(signal: AbortSignal): Promise<boolean> {
    const vivd = await home.vivdPid();
    while (!signal.aborted) {
      for (const pid of readFileSync(`/proc/${vivd}/task/${vivd}/children`, "utf8").split(" ").filter(Boolean))
        if (isQemuImg(pid)) {
          process.kill(Number(pid), "SIGKILL");
          return true;
        }
      // Some live for a few milliseconds: a timer would miss them.
      await new Promise((soon) => setImmediate(soon));
    }
    return false;
  }

  /** @returns the error's code; undefined where it succeeded all the same; `notSeen` for a qemu-img that ended before it could be killed. */
  async function broken({ kind, start }: Operation, step: string, fault: Fault): Promise<string | undefined> {
    const pause = await pauses.at(kind, step);
    const outcome = codeOf(start());
    await Promise.race([pause.reached(), outcome.then((code) => assert.fail(`${code ?? "done"} before the step`))]);
    const filler = join(mount, "filler");
    const over = new AbortController();
    if (fault === "full") execFileSync("sh", ["-c", `dd if=/dev/zero of=${filler} bs=64k 2>/dev/null || true`]);
    if (fault === "QEMU") for (const pid of await qemuPids(home.folder)) await killHard(pid);
    const killed = fault.startsWith("qemu-img") ? killQemuImg(over.signal) : Promise.resolve(true);
    await pause.release();
    void outcome.then(() => over.abort());
    const seen = await killed;
    if (seen && fault === "qemu-img and vivd") await killVivd(home);
    const code = await outcome;
    await rm(filler, { force: true });
    if (seen && fault === "qemu-img and vivd") client = await home.client();
    return seen ? code : notSeen;
  }

  async function nothingHalfMade({ makes }: Operation, succeeded: boolean): Promise<void> {
    const machines = await readdir(join(home.folder, "machines"));
    assert.deepEqual(machines.sort(), makes === "machine" && succeeded ? [machineName, "made"] : [machineName]);
    const files = await readdir(out);
    assert.ok(files.length === (makes === "file" && succeeded ? 1 : 0) && files.every((file) => /^made\./.test(file)), files.join());
    assert.deepEqual(await readdir(join(home.folder, "run", "partial")).catch(() => []), []);
    assert.deepEqual(
      (await everything(home.machineFolder(machineName))).filter((file) => /\.(tmp|part|compact)$/.test(file)),
      [],
    );
  }

  async function removeMade(): Promise<void> {
    for (const file of await readdir(out)) await rm(join(out, file));
    if ((await client.call("machine.list", {})).some(({ name }) => name === "made"))
      await client.call("machine.remove", { machine: "made" });
    await client.call("machine.emptyTrash", {});
  }

  for (const [name, step, ...faults] of table)
    for (const fault of faults)
      it(`${name}, ${fault === "full" ? "the disk full from" : `${fault} killed at`} “${step}”`, async () => {
        const operation = operations[name] as Operation;
        const attempt = async () => {
          await removeMade();
          await machine.createWithThree(client, operation.running);
          await operation.prepare?.();
          return broken(operation, step, fault);
        };
        let code = await attempt();
        for (let tries = 1; code === notSeen && tries < 5; tries += 1) code = await attempt();
        assert.notEqual(code, notSeen, "no qemu-img was seen");
        machine.disk.forgetProcess();
        if (fault === "QEMU") await untilState(client, machineName, ["failed", "stopped"]);
        const shown = await until("it is at rest", async () => {
          const found = await show(client, machineName);
          return found.operation === undefined && found;
        });
        console.log(`      ${code ?? "succeeded"}; ${shown.state}`);
        if (fault === "full") assert.ok(code === undefined || code === "disk-full", `it ended with ${code}`);
        if (fault !== "QEMU") assert.equal(shown.state, operation.running ? "running" : "stopped");
        await machine.isWhole(client, shown);
        await nothingHalfMade(operation, code === undefined);
        await removeMade();
        // A snapshot that was to be removed is gone; what was left to merge is made up for.
        const again = await codeOf(operation.kind === "merge" ? client.call("snapshot.empty", on) : operation.start());
        assert.equal(again, undefined, "the same again");
        if (operation.kind === "disk") assert.equal((await client.call("disk.list", on))[0]?.virtualBytes, 64 * 1024 ** 3);
        await removeMade();
        machine.disk.forgetProcess();
        if (operation.kind !== "disk") await machine.isWhole(client, await show(client, machineName));
      });
});
