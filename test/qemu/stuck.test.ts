import assert from "node:assert/strict";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { killVivd, qemuPids, show, until, untilState } from "../support/faults.ts";
import { type TestHome, testHome } from "../support/home.ts";

/** Guests that do not listen and a QEMU that does not answer. The machine has no system: its firmware ignores ACPI. */
describe("a machine that is stuck", function () {
  this.timeout(20_000);
  let home: TestHome;
  let client: VivClient;
  const events: VivEvent[] = [];

  before(async () => {
    home = await testHome();
    client = await home.client();
    client.onEvent((event) => events.push(event));
    for (const name of ["stuck", "other"])
      await client.call("machine.create", { name, memory: "64M", disk: "16M", set: ["display.type=none"] });
  });
  after(() => home.dispose());
  beforeEach(async () => {
    await client.call("machine.start", { machine: "stuck" });
  });
  afterEach(async () => {
    await client.call("machine.kill", { machine: "stuck" });
    assert.deepEqual(await qemuPids(home.folder), []);
  });

  async function signal(name: NodeJS.Signals): Promise<number> {
    const { pid } = await show(client, "stuck");
    assert.ok(pid);
    process.kill(pid, name);
    return pid;
  }

  const untilResponding = (wanted: boolean) =>
    until(`responding: ${wanted}`, async () => {
      const { status } = await show(client, "stuck");
      return status.state === "running" && status.responding === wanted;
    });

  async function stepsOfStop(times: { acpiTimeoutMs: number; quitTimeoutMs: number }): Promise<string[]> {
    const steps: string[] = [];
    const stopped = await client.call("machine.stop", { machine: "stuck", ...times }, { onProgress: ({ step }) => steps.push(step) });
    assert.equal(stopped.state, "stopped");
    return steps;
  }

  it("because its guest ignores ACPI is ended by quit, after the time for ACPI and not before", async () => {
    const started = performance.now();
    assert.deepEqual(await stepsOfStop({ acpiTimeoutMs: 1500, quitTimeoutMs: 20_000 }), ["asking the guest to shut down", "ending QEMU"]);
    assert.ok(performance.now() - started >= 1500);
  });

  it("because QEMU is stopped is killed by stop as the last step", async () => {
    await signal("SIGSTOP");
    const steps = await stepsOfStop({ acpiTimeoutMs: 1000, quitTimeoutMs: 1000 });
    assert.equal(steps.at(-1), "killing QEMU");
  });

  it("because QEMU is stopped is said as not responding within 5 s, with kill as the hint; others go on; SIGCONT heals", async () => {
    events.length = 0;
    await signal("SIGSTOP");
    const stoppedAt = performance.now();
    await until("the event: not responding", () =>
      events.some(({ event, ...rest }) => {
        if (event !== "machine.changed") return false;
        const { machine } = rest as Extract<VivEvent, { event: "machine.changed" }>;
        return machine.name === "stuck" && machine.status.state === "running" && !machine.status.responding;
      }),
    );
    const seconds = (performance.now() - stoppedAt) / 1000;
    assert.ok(seconds <= 5, `it took ${seconds.toFixed(1)} s`);
    for (const call of [
      client.call("machine.exec", { machine: "stuck", command: ["true"] }),
      client.call("machine.pause", { machine: "stuck" }),
      client.call("machine.suspend", { machine: "stuck" }),
      client.call("machine.screenshot", { machine: "stuck" }),
      client.call("machine.reset", { machine: "stuck" }),
    ]) {
      await assert.rejects(call, { code: "not-responding", hint: /viv kill stuck/ });
    }
    assert.equal((await client.call("machine.start", { machine: "other" })).state, "running");
    await client.call("machine.kill", { machine: "other" });
    await signal("SIGCONT");
    await untilResponding(true);
    assert.equal((await client.call("machine.pause", { machine: "stuck" })).state, "paused");
    assert.equal((await client.call("machine.resume", { machine: "stuck" })).state, "running");
  });

  it("because QEMU is stopped can be killed at once", async () => {
    await signal("SIGSTOP");
    assert.equal((await client.call("machine.kill", { machine: "stuck" })).state, "stopped");
  });

  it("while a new service comes is shown as not responding, never as lost; SIGCONT heals it", async () => {
    const pid = await signal("SIGSTOP");
    await killVivd(home);
    client = await home.client();
    await untilResponding(false);
    assert.equal((await show(client, "stuck")).pid, pid);
    await signal("SIGCONT");
    await untilResponding(true);
    assert.equal((await client.call("machine.pause", { machine: "stuck" })).state, "paused");
  });

  it("does not keep a new service from coming", async () => {
    const timeToCome = async () => {
      await killVivd(home);
      const started = performance.now();
      client = await home.client();
      return performance.now() - started;
    };
    // The quicker of two: the host may be busy with something else.
    const withRunning = Math.min(await timeToCome(), await timeToCome());
    await signal("SIGSTOP");
    const withStopped = Math.min(await timeToCome(), await timeToCome());
    assert.ok(withStopped - withRunning < 2000, `${Math.round(withStopped)} ms instead of ${Math.round(withRunning)} ms`);
  });

  it("while a new service comes can be killed", async () => {
    await signal("SIGSTOP");
    await killVivd(home);
    client = await home.client();
    assert.equal((await client.call("machine.kill", { machine: "stuck" })).state, "stopped");
    await untilState(client, "stuck", ["stopped"]);
  });

  it("during a stop can still be killed, which ends the waiting", async () => {
    const stopping = client.call("machine.stop", { machine: "stuck", acpiTimeoutMs: 600_000 }).then(
      () => "stopped",
      (error: { code: string }) => error.code,
    );
    await until("the guest is asked", async () => {
      const { state, operation } = await show(client, "stuck");
      return state === "stopping" && operation?.step.startsWith("asking");
    });
    await assert.rejects(client.call("machine.start", { machine: "stuck" }), { code: "locked", message: /asking the guest/ });
    assert.equal((await client.call("machine.kill", { machine: "stuck" })).state, "stopped");
    assert.ok(["stopped", "cancelled"].includes(await stopping));
  });
});
