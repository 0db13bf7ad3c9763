import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { processStartTime } from "../../src/backends/index.ts";
import { killHard, killVivd, qemuPids, until } from "../support/faults.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";

const eight = Array.from({ length: 8 }, (_, index) => index);

/** Eight real processes at once: `viv` as eight terminals would start it. */
describe("eight terminals at once", function () {
  this.timeout(180_000);
  let home: TestHome;

  before(async () => {
    home = await testHome();
  });
  after(() => home.dispose());

  function viv<T>(...words: string[]): Promise<T> {
    const program = join(checkout, "src", "cli", "viv.ts");
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [program, ...words, "--json"], { env: home.environment }, (error, stdout, stderr) => {
        if (error) reject(new Error(`viv ${words.join(" ")}: ${stderr}${stdout}`));
        else resolve(JSON.parse(stdout) as T);
      });
    });
  }

  const vivds = async (): Promise<number[]> => {
    const log = await readFile(join(home.folder, "logs", "vivd.log"), "utf8");
    const served = [...log.matchAll(/serving .* process (\d+)$/gm)].map((match) => Number(match[1]));
    // A killed process that nobody has waited for yet is a corpse, not a service.
    const starts = await Promise.all(served.map(processStartTime));
    return served.filter((_pid, index) => starts[index] !== undefined);
  };

  it("start one service where none runs", async () => {
    const answers = await Promise.all(eight.map(() => viv<unknown[]>("ls")));
    assert.deepEqual(
      answers,
      eight.map(() => []),
    );
    assert.deepEqual(await vivds(), [await home.vivdPid()]);
  });

  it("start one service where one was killed and left its lock and socket", async () => {
    await killVivd(home);
    await Promise.all(eight.map(() => viv<unknown[]>("ls")));
    assert.deepEqual(await vivds(), [await home.vivdPid()]);
  });

  it("start one service where the lock is rubbish", async () => {
    await killVivd(home);
    await writeFile(join(home.folder, "run", "vivd.lock"), "not json");
    await Promise.all(eight.map(() => viv<unknown[]>("ls")));
    assert.deepEqual(await vivds(), [await home.vivdPid()]);
  });

  it("start one machine: one process, and all eight report it running", async () => {
    await starterMachine(await home.client(), "shared");
    const shown = await Promise.all(eight.map(() => viv<{ state: string; pid: number }>("start", "shared")));
    assert.deepEqual(
      shown.map(({ state }) => state),
      eight.map(() => "running"),
    );
    assert.equal(new Set(shown.map(({ pid }) => pid)).size, 1);
    assert.deepEqual(await qemuPids(home.folder), [shown[0]?.pid]);
  });

  it("start one machine while no service runs: still one process of each kind", async () => {
    const [pid] = await qemuPids(home.folder);
    assert.ok(pid);
    await killVivd(home);
    await killHard(pid);
    const shown = await Promise.all(eight.map(() => viv<{ state: string; pid: number }>("start", "shared")));
    assert.equal(new Set(shown.map((each) => `${each.state} ${each.pid}`)).size, 1);
    assert.equal((await qemuPids(home.folder)).length, 1);
    assert.deepEqual(await vivds(), [await home.vivdPid()]);
  });

  it("kill one machine: all succeed, nothing runs, and it is stopped, not failed", async () => {
    const client = await home.client();
    for (let round = 0; round < 5; round += 1) {
      const { pid } = await client.call("machine.start", { machine: "shared" });
      assert.ok(pid);
      await Promise.all(eight.map(() => client.call("machine.kill", { machine: "shared" })));
      // What QEMU's closing monitor says comes a moment later; it must change nothing.
      await new Promise((wake) => setTimeout(wake, 200));
      assert.equal((await client.call("machine.show", { machine: "shared" })).state, "stopped");
      await until("the process is gone", async () => (await qemuPids(home.folder)).length === 0);
    }
  });

  it("start, stop and kill in any mixture: each ends with an answer, and the machine in one named state", async () => {
    const client = await home.client();
    const verbs = ["start", "kill", "start", "stop", "start", "kill", "stop", "start"] as const;
    const codes = await Promise.all(
      verbs.map((verb) =>
        client.call(`machine.${verb}`, { machine: "shared", ...(verb === "stop" ? { acpiTimeoutMs: 0 } : {}) }).then(
          () => "done",
          (error: { code: string }) => error.code,
        ),
      ),
    );
    for (const code of codes)
      assert.ok(["done", "locked", "cancelled", "wrong-state", "qemu-crashed", "qemu-lost"].includes(code), codes.join());
    const shown = await client.call("machine.show", { machine: "shared" });
    assert.ok(["running", "stopped"].includes(shown.state), shown.state);
    assert.deepEqual(await qemuPids(home.folder), shown.pid === null ? [] : [shown.pid]);
    await client.call("machine.kill", { machine: "shared" });
  });
});

describe("a machine that is removed", function () {
  this.timeout(60_000);
  let home: TestHome;

  before(async () => {
    home = await testHome();
  });
  after(() => home.dispose());

  it("goes by the id that others know, while they look at it", async () => {
    const client = await home.client();
    const removed: string[] = [];
    client.onEvent((event) => {
      if (event.event === "machine.removed") removed.push(event.id);
    });
    const ids: string[] = [];
    let looking = true;
    const look = (async () => {
      while (looking) await Promise.all([..."abcdef"].map((machine) => client.call("machine.show", { machine }).catch(() => undefined)));
    })();
    for (const name of ["a", "b", "c", "d", "e", "f"]) {
      ids.push((await client.call("machine.create", { name, memory: "64M", disk: "16M", set: ["display.type=none"] })).id);
      await client.call("machine.remove", { machine: name });
    }
    looking = false;
    await look;
    assert.deepEqual(removed, ids);
  });
});
