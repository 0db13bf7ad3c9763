import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import {
  codeOf,
  diskIsClean,
  everything,
  killHard,
  killVivd,
  type Pauses,
  pausesIn,
  qemuPids,
  show,
  until,
  untilState,
} from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

/**
 * `kill -9` of vivd, of QEMU and of both, at every step of every operation. The table says where it happens and what
 * the machine may be afterwards (src/machine/recover.ts has the reasons). Whatever is killed: no second QEMU, the disk
 * is clean, and what the guest had flushed before is there after the next boot.
 */

type Victim = "vivd" | "QEMU" | "both";
type State = MachineDetails["state"];

interface Row {
  readonly kind: "start" | "stop" | "suspend" | "wake";
  readonly step: string;
  /** The state of the machine after each kill. */
  readonly after: Partial<Record<Victim, readonly State[]>>;
}

const table: readonly Row[] = [
  { kind: "start", step: "starting QEMU", after: { vivd: ["stopped"] } },
  { kind: "start", step: "waiting for QEMU", after: { vivd: ["stopped"], QEMU: ["failed"], both: ["stopped"] } },
  { kind: "start", step: "letting it run", after: { vivd: ["running"], QEMU: ["failed"], both: ["stopped"] } },
  { kind: "stop", step: "asking the guest to shut down", after: { vivd: ["running"], QEMU: ["stopped"], both: ["stopped"] } },
  { kind: "stop", step: "ending QEMU", after: { vivd: ["running"], QEMU: ["stopped"], both: ["stopped"] } },
  { kind: "stop", step: "killing QEMU", after: { vivd: ["running"], QEMU: ["stopped"], both: ["stopped"] } },
  { kind: "suspend", step: "saving memory", after: { vivd: ["running"], QEMU: ["failed"], both: ["failed"] } },
  { kind: "suspend", step: "recording", after: { vivd: ["running"], QEMU: ["suspended"], both: ["failed"] } },
  { kind: "suspend", step: "ending QEMU", after: { vivd: ["suspended"], QEMU: ["suspended"], both: ["suspended"] } },
  { kind: "wake", step: "starting QEMU", after: { vivd: ["suspended"] } },
  { kind: "wake", step: "waiting for QEMU", after: { vivd: ["suspended"], QEMU: ["suspended"], both: ["suspended"] } },
  { kind: "wake", step: "reading memory", after: { vivd: ["suspended"], QEMU: ["suspended"], both: ["suspended"] } },
  { kind: "wake", step: "continuing", after: { vivd: ["running"], QEMU: ["failed"], both: ["failed"] } },
];

const secret = "what was flushed stays";

describe("kill -9 at every step", function () {
  this.timeout(240_000);
  let folder: string;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-"));
    pauses = pausesIn(folder);
    home = await testHome({ environment: pauses.environment });
    client = await home.client();
    await starterMachine(client, "victim", { start: true });
    await guest(client, "victim", "sh", "-c", `echo ${JSON.stringify(secret)} > /root/secret && sync`);
  });
  after(async () => {
    await home.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  /** Brings the machine to where an operation starts. */
  async function prepare(kind: Row["kind"]): Promise<void> {
    const { state } = await show(client, "victim");
    if (kind === "start") {
      if (state !== "stopped") await client.call("machine.kill", { machine: "victim" });
      return;
    }
    if (state !== "running" && !(kind === "wake" && state === "suspended")) await client.call("machine.start", { machine: "victim" });
    if (kind === "wake" && state !== "suspended") await client.call("machine.suspend", { machine: "victim" });
  }

  function run({ kind, step }: Row): Promise<unknown> {
    const [acpiTimeoutMs, quitTimeoutMs] = [step.startsWith("asking") ? 400 : 0, step.startsWith("ending") ? 5000 : 0];
    if (kind === "stop") return client.call("machine.stop", { machine: "victim", acpiTimeoutMs, quitTimeoutMs });
    return client.call(kind === "suspend" ? "machine.suspend" : "machine.start", { machine: "victim" });
  }

  async function strike(victim: Victim): Promise<void> {
    if (victim !== "QEMU") await killVivd(home);
    if (victim !== "vivd") for (const pid of await qemuPids(home.folder)) await killHard(pid);
  }

  /** What must be true after every kill. */
  async function examine(states: readonly State[]): Promise<void> {
    const shown = await untilState(client, "victim", states);
    const pids = await qemuPids(home.folder);
    assert.deepEqual(pids, shown.pid === null ? [] : [shown.pid], "QEMU processes and the record differ");
    const saved = existsSync(join(home.machineFolder("victim"), "suspend", "memory"));
    assert.equal(saved, shown.state === "suspended", "saved memory and the state differ");
    assert.equal(existsSync(join(home.machineFolder("victim"), "suspend", "memory.part")), false);
    if (shown.pid === null) await diskIsClean(home, "victim");
    else assert.ok(shown.status.state === "running" && shown.status.responding);
  }

  /** A boot to the agent, and the file that was flushed before everything. */
  async function dataSurvived(): Promise<void> {
    await client.call("machine.start", { machine: "victim" });
    await client.call("machine.wait", { machine: "victim", for: "agent", timeoutMs: 180_000 });
    assert.equal(await guest(client, "victim", "cat", "/root/secret"), secret);
  }

  for (const { kind, step, after } of table) {
    for (const [victim, states] of Object.entries(after) as [Victim, readonly State[]][]) {
      it(`${kind}, at “${step}”, of ${victim}: ${states.join(" or ")}`, async () => {
        await prepare(kind);
        const pause = await pauses.at(kind, step);
        const outcome = codeOf(run({ kind, step, after }));
        await pause.reached();
        await strike(victim);
        await pause.release();
        const code = await outcome;
        if (victim !== "QEMU") {
          assert.equal(code, "daemon-unavailable");
          client = await home.client();
        }
        await examine(states);
      });
    }
    const last = table.filter((row) => row.kind === kind).at(-1)?.step === step;
    if (last) it(`after all kills of ${kind} the guest boots or goes on, and its file is there`, dataSurvived);
  }

  for (const pauseMs of [5, 60, 150]) {
    it(`suspend, ${pauseMs} ms into it, of vivd: it is suspended or goes on, never anything else`, async () => {
      await prepare("suspend");
      const pause = await pauses.at("suspend", "saving memory");
      const outcome = codeOf(client.call("machine.suspend", { machine: "victim" }));
      await pause.reached();
      await pause.release();
      await new Promise((wake) => setTimeout(wake, pauseMs));
      await strike("vivd");
      await outcome;
      client = await home.client();
      await examine(["running", "suspended"]);
    });
  }

  it("the machine then wakes or runs, stops by its own will and starts again with its file", async () => {
    await dataSurvived();
    assert.equal((await client.call("machine.stop", { machine: "victim" })).state, "stopped");
    await diskIsClean(home, "victim");
    await dataSurvived();
    await client.call("machine.kill", { machine: "victim" });
  });

  for (const step of ["renaming", "moving the folder", "renamed"]) {
    it(`rename, at “${step}”, of vivd: one name or the other, and whole`, async () => {
      const from = (await client.call("machine.list", {}))[0]?.name ?? "";
      const to = from === "victim" ? "renamed" : "victim";
      const pause = await pauses.at("rename", step);
      const outcome = codeOf(client.call("machine.rename", { machine: from, name: to }));
      await pause.reached();
      await strike("vivd");
      await pause.release();
      assert.equal(await outcome, "daemon-unavailable");
      client = await home.client();
      const [only, ...others] = await client.call("machine.list", {});
      assert.deepEqual(others, []);
      assert.equal(only?.name, step === "renamed" ? to : from);
      assert.equal(only?.state, "stopped");
      assert.match((await client.call("machine.definition", { machine: only?.name ?? "" })).text, new RegExp(`"name": "${only?.name}"`));
      if (only?.name !== "victim") await client.call("machine.rename", { machine: only?.name ?? "", name: "victim" });
    });
  }

  for (const step of ["looking for QEMU", "checking the image", "making disks and keys", "putting it in place"]) {
    it(`create, at “${step}”, of vivd: nothing is left`, async () => {
      const before = await everything(join(home.folder, "machines"));
      const pause = await pauses.at("create", step);
      const outcome = codeOf(client.call("machine.create", { name: "half", image: "starter" }));
      await pause.reached();
      await strike("vivd");
      await pause.release();
      assert.equal(await outcome, "daemon-unavailable");
      client = await home.client();
      assert.deepEqual(
        (await client.call("machine.list", {})).map(({ name }) => name),
        ["victim"],
      );
      const withoutLogs = (files: string[]) => files.filter((file) => !/\.tmp$/.test(file));
      assert.deepEqual(withoutLogs(await everything(join(home.folder, "machines"))), withoutLogs(before));
      await client.call("machine.create", { name: "half", image: "starter" });
      await client.call("machine.remove", { machine: "half" });
    });
  }

  it("remove, at its one step, of vivd: the machine is still there, whole", async () => {
    const pause = await pauses.at("remove", "moving it to the trash");
    const outcome = codeOf(client.call("machine.remove", { machine: "victim" }));
    await pause.reached();
    await strike("vivd");
    await pause.release();
    assert.equal(await outcome, "daemon-unavailable");
    client = await home.client();
    assert.equal((await show(client, "victim")).state, "stopped");
  });

  it("remove by force, while the machine is being ended, of vivd and of both: stopped or running, and still there", async () => {
    for (const victim of ["vivd", "both"] as const) {
      await client.call("machine.start", { machine: "victim" });
      const pause = await pauses.at("stop", "killing QEMU");
      const outcome = codeOf(client.call("machine.remove", { machine: "victim", force: true }));
      await pause.reached();
      await strike(victim);
      await pause.release();
      assert.equal(await outcome, "daemon-unavailable");
      client = await home.client();
      await examine(victim === "both" ? ["stopped"] : ["running"]);
    }
  });

  it("a QEMU that dies while nothing is in progress is told at once, as failed, and starts again", async () => {
    const { pid } = await client.call("machine.start", { machine: "victim" });
    assert.ok(pid);
    await killHard(pid);
    const failed = await untilState(client, "victim", ["failed"]);
    assert.ok(failed.status.state === "failed" && failed.status.reason === "crashed" && failed.status.hint);
    await client.call("machine.start", { machine: "victim" });
    await strike("both");
    client = await home.client();
    const lost = await untilState(client, "victim", ["failed"]);
    assert.ok(lost.status.state === "failed" && lost.status.reason === "lost" && lost.status.hint);
  });

  it("nothing is left in the end: removed, its trash emptied, no process, no socket", async () => {
    await client.call("machine.remove", { machine: "victim", force: true });
    await client.call("machine.emptyTrash", {});
    assert.deepEqual(await readdir(join(home.folder, "machines")), []);
    assert.deepEqual(await readdir(join(home.folder, "trash")), []);
    await until("no QEMU runs", async () => (await qemuPids(home.folder)).length === 0);
    assert.deepEqual(
      (await readdir(join(home.folder, "run"))).filter((name) => !name.startsWith("vivd")),
      [],
    );
  });
});
