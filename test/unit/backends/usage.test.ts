import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpuPercent, parseLinuxUsage, parsePsUsage, parseWindowsUsage, processUsage } from "../../../src/backends/usage.ts";

const stat = (state: string) => `4711 (qemu) system) ${state} 1 4711 4711 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 6 0 100 900 77\n`;
const rollup = `559c-7ffd ---p 00000000 00:00 0 [rollup]
Rss:              300000 kB
Pss:              250000 kB
Private_Clean:      1000 kB
Private_Dirty:    200000 kB
`;

describe("what a process uses", () => {
  it("is read from /proc: ticks of 10 ms, private pages apart from shared ones", () => {
    assert.deepEqual(parseLinuxUsage(stat("S"), rollup, 5), {
      atMs: 5,
      cpuMs: 3000,
      residentBytes: 300_000 * 1024,
      privateBytes: 201_000 * 1024,
    });
  });

  it("has no private part where the kernel does not tell", () => {
    const usage = parseLinuxUsage(stat("S"), "Name:\tqemu\nVmRSS:\t  300000 kB\n", 5);
    assert.deepEqual([usage?.residentBytes, usage?.privateBytes], [300_000 * 1024, null]);
  });

  it("is nothing for a corpse", () => {
    assert.equal(parseLinuxUsage(stat("Z"), "Name:\tqemu\n", 5), undefined);
  });

  it("is read from ps on macOS", () => {
    assert.deepEqual(parsePsUsage("1:02:03.45 2048", 1), { atMs: 1, cpuMs: 3_723_450, residentBytes: 2_097_152, privateBytes: null });
    assert.equal(parsePsUsage("0:00.12 2048", 1)?.cpuMs, 120);
    assert.equal(parsePsUsage(undefined, 1), undefined);
  });

  it("is read from PowerShell on Windows, with the time it was read there", () => {
    assert.deepEqual(parseWindowsUsage("638000000 1500 4096 2048"), {
      atMs: 638_000_000,
      cpuMs: 1500,
      residentBytes: 4096,
      privateBytes: 2048,
    });
    assert.equal(parseWindowsUsage("Get-Process : no process"), undefined);
  });

  it("is per cent of one core between two readings", () => {
    const at = (atMs: number, cpuMs: number) => ({ atMs, cpuMs, residentBytes: 0, privateBytes: null });
    assert.equal(cpuPercent(at(0, 100), at(500, 1100)), 200);
    assert.equal(cpuPercent(at(500, 100), at(500, 1100)), 0);
  });

  it("is true of a process: work shows in it, and so does memory", async () => {
    const ballastBytes = 64 * 1024 * 1024;
    // A process of its own: in this one other tests' memory goes meanwhile.
    const works = `process.stdin.once("data", () => {
      globalThis.ballast = Buffer.alloc(${ballastBytes}, 1);
      const until = performance.now() + 400;
      while (performance.now() < until) Math.sqrt(until);
      process.stdout.write("done");
    }); process.stdout.write("ready");`;
    const child = spawn(process.execPath, ["-e", works], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      await once(child.stdout, "data");
      assert.ok(child.pid);
      const before = await processUsage(child.pid);
      child.stdin.write("go");
      await once(child.stdout, "data");
      const after = await processUsage(child.pid);
      assert.ok(before && after);
      assert.ok(after.cpuMs - before.cpuMs >= 100, `${after.cpuMs - before.cpuMs} ms of processor`);
      assert.ok(after.residentBytes - before.residentBytes > ballastBytes / 2, "the ballast is resident");
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("is nothing when there is no such process", async () => {
    assert.equal(await processUsage(2 ** 22 + 1), undefined);
  });
});
