import assert from "node:assert/strict";
import { isAlive, localHost, processStartTime } from "../../../src/backends/index.ts";
import { until } from "../../support/faults.ts";

describe("a program that is run", () => {
  const { run } = localHost();

  it("gives its output and exit code", async () => {
    const result = await run("sh", ["-c", "echo out; echo err >&2; exit 3"], { timeoutMs: 10_000 });
    assert.deepEqual([result.exitCode, result.stdout, result.stderr, result.ended], [3, "out\n", "err\n", "exited"]);
  });

  it("that does not exist or dies is said so", async () => {
    assert.deepEqual((await run("/no/such/program", [], { timeoutMs: 10_000 })).ended, "not-started");
    const killed = await run("sh", ["-c", "kill -TERM $$"], { timeoutMs: 10_000 });
    assert.deepEqual([killed.ended, killed.detail], ["signal", "SIGTERM"]);
  });

  /** Not `exec`: the shell waits for a child that holds its output open, as a wrapper around QEMU does. */
  const wrapper = ["-c", "sleep 60 & echo $!; wait"];

  async function childIsGone(pid: number): Promise<void> {
    const startTime = await processStartTime(pid);
    if (startTime !== undefined) await until(`the end of ${pid}`, async () => !(await isAlive({ pid, startTime })), 5000);
  }

  it("for too long is killed with what it started", async () => {
    const result = await run("sh", wrapper, { timeoutMs: 300 });
    assert.equal(result.ended, "timeout");
    assert.equal(result.exitCode, null);
    await childIsGone(Number(result.stdout));
  });

  it("and stopped by a signal or by what it says is killed with what it started", async () => {
    const stopper = new AbortController();
    setTimeout(() => stopper.abort(), 200);
    const bySignal = await run("sh", wrapper, { timeoutMs: 30_000, signal: stopper.signal });
    assert.equal(bySignal.ended, "stopped");
    await childIsGone(Number(bySignal.stdout));
    const byWatch = await run("sh", wrapper, { timeoutMs: 30_000, watch: (_stream, text) => /\d/.test(text) });
    assert.equal(byWatch.ended, "stopped");
    await childIsGone(Number(byWatch.stdout));
    const already = await run("sh", wrapper, { timeoutMs: 30_000, signal: AbortSignal.abort() });
    assert.equal(already.ended, "stopped");
  });
});
