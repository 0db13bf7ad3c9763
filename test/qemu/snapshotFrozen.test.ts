import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { VivClient } from "../../src/api/index.ts";
import { codeOf, killHard, killVivd, type Pauses, qemuPids, show, until, untilState } from "../support/faults.ts";
import { guest, starterMachine, type TestHome } from "../support/home.ts";
import { allLayersAreClean } from "../support/snapshots.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";

/** `kill -9` in the moment in which the guest's file systems stand still for a snapshot of its disks. */
describe("killed while the guest is frozen", function () {
  this.timeout(240_000);
  const machine = "still";
  let paused: PausedHome;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    paused = await pausedHome();
    ({ pauses, home, client } = paused);
    await starterMachine(client, machine, { start: true });
    await shell("dd if=/dev/urandom of=/root/kept bs=1M count=4 2>/dev/null; sha256sum /root/kept > /root/sum; sync");
    await writes();
  });
  after(() => paused.dispose());

  const shell = (script: string) => guest(client, machine, "sh", "-c", script);
  /** Each line of the log is a write that is on the guest's disk. */
  const written = async () =>
    [...(await readFile(join(home.machineFolder(machine), "logs", "serial.log"), "latin1")).matchAll(/tick (\d+)$/gm)].map(([, n]) =>
      Number(n),
    );

  /** A guest that writes and waits for its disk all the time, and says each time that it did. */
  async function writes(): Promise<void> {
    await shell(
      `(n=$(cat /root/ticks 2>/dev/null || echo 0); while :; do n=$((n + 1)); echo $n > /root/new && sync && mv /root/new /root/ticks && sync && echo "tick $n" > /dev/ttyS0; sleep 0.1; done) > /dev/null 2>&1 < /dev/null &`,
    );
    await goesOn();
  }

  async function goesOn(): Promise<void> {
    const before = (await written()).length;
    await until("the guest writes on", async () => (await written()).length > before + 2, 60_000);
  }

  async function struck(...victims: ("vivd" | "QEMU")[]): Promise<{ last: number; restart(): Promise<string | undefined> }> {
    const pause = await pauses.at("snapshot", "frozen");
    const outcome = codeOf(client.call("snapshot.create", { machine, name: "new", memory: false, quiesce: true }));
    await pause.reached();
    // What was on its way to the log when the guest was frozen is there after a moment; then nothing comes.
    for (let before = -1; before !== (await written()).length; await delay(500)) before = (await written()).length;
    const last = (await written()).at(-1) ?? 0;
    if (victims.includes("vivd")) await killVivd(home);
    if (victims.includes("QEMU")) for (const pid of await qemuPids(home.folder)) await killHard(pid);
    await pause.release();
    return {
      last,
      restart: async () => {
        const code = await outcome;
        if (victims.includes("vivd")) client = await home.client();
        return code;
      },
    };
  }

  /** Nothing that was said to be written is lost, and the same snapshot can be taken. */
  async function nothingIsLost(last: number): Promise<void> {
    assert.match(await shell("cd / && sha256sum -c /root/sum"), /OK/);
    assert.ok(Number(await shell("cat /root/ticks")) >= last, `tick ${last} is lost`);
    const { snapshots } = await client.call("snapshot.list", { machine });
    for (const { name, problem } of snapshots) assert.equal(problem, undefined, name);
    if (snapshots.some(({ name }) => name === "new")) await client.call("snapshot.remove", { machine, snapshot: "new", now: true });
    assert.equal((await client.call("snapshot.create", { machine, name: "again", memory: false, quiesce: true })).consistency, "quiesced");
    await goesOn();
    await client.call("snapshot.remove", { machine, snapshot: "again", now: true });
    await allLayersAreClean(home, machine);
  }

  it("vivd: the next one thaws it, and it goes on", async () => {
    const { last, restart } = await struck("vivd");
    assert.equal(await restart(), "daemon-unavailable");
    await goesOn();
    assert.deepEqual([(await show(client, machine)).operation, (await show(client, machine)).state], [undefined, "running"]);
    await nothingIsLost(last);
  });

  it("vivd, and nobody starts it again: the guest thaws itself", async () => {
    const { last, restart } = await struck("vivd");
    await goesOn();
    await restart();
    await nothingIsLost(last);
  });

  for (const victims of [["QEMU"], ["vivd", "QEMU"]] as const)
    it(`${victims.join(" and ")}: it boots, and all that it had written is there`, async () => {
      const { last, restart } = await struck(...victims);
      assert.notEqual(await restart(), undefined);
      await untilState(client, machine, ["failed", "stopped"]);
      await allLayersAreClean(home, machine);
      await client.call("machine.start", { machine });
      await client.call("machine.wait", { machine, for: "agent", timeoutMs: 120_000 });
      await writes();
      await nothingIsLost(last);
    });
});
