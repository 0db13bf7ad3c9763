import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, launch, processCommand, processStartTime } from "../../../src/backends/index.ts";
import { commandQuery } from "../../../src/backends/process.ts";

describe("processes", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vivarium-process-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("keep one start time for their whole life", async () => {
    const first = await processStartTime(process.pid);
    assert.ok(first);
    assert.equal(await processStartTime(process.pid), first);
    assert.ok(await isAlive({ pid: process.pid, startTime: first }));
  });

  it("are not taken for another one under the same pid", async () => {
    assert.equal(await isAlive({ pid: process.pid, startTime: "of another process" }), false);
  });

  it("are gone when they have ended, and nonsense is nobody's pid", async () => {
    const child = spawn("true");
    const { pid } = child;
    assert.ok(pid);
    await once(child, "exit");
    assert.equal(await processStartTime(pid), undefined);
    for (const nonsense of [0, -1, 1.5, Number.NaN, 2 ** 30]) assert.equal(await processStartTime(nonsense), undefined);
  });

  it("show their command line: here off /proc, elsewhere by the system's own program", async () => {
    assert.match((await processCommand(process.pid)) ?? "", /node/);
    assert.equal(await processCommand(2 ** 30), undefined);
    assert.deepEqual(commandQuery("darwin", 42), ["ps", ["-ww", "-o", "command=", "-p", "42"]]);
    assert.deepEqual(commandQuery("win32", 42), [
      "powershell.exe",
      ["-NoProfile", "-NonInteractive", "-Command", '(Get-CimInstance -ClassName Win32_Process -Filter "ProcessId=42").CommandLine'],
    ]);
  });

  it("whose name holds parentheses and spaces are read right", async () => {
    const odd = join(folder, ") Z 1 (");
    await copyFile("/bin/sleep", odd);
    const child = spawn(odd, ["5"]);
    const exit = once(child, "exit");
    assert.ok(child.pid);
    assert.match((await processStartTime(child.pid)) ?? "", /:\d{2,}$/);
    child.kill("SIGKILL");
    await exit;
  });

  it("are launched with their own log, umask 077, the given folder and a session of their own", async () => {
    const stderrFile = join(folder, "qemu.log");
    const program = { file: "sh", argsPrefix: ["-c"], env: { FROM_PROGRAM: "yes" } };
    const script =
      "umask; pwd; echo $FROM_PROGRAM; ls -l /proc/$$/fd | grep -c mine; echo complaint >&2; ps -o sid= -p $$; echo $$; touch made";
    const ours = await open(join(folder, "mine"), "w");
    const launched = await launch({ program, args: [script], cwd: folder, stderrFile });
    assert.deepEqual(await launched.exited, { code: 0, signal: null });
    await ours.close();
    const [umask, cwd, env, handles, complaint, session, pid] = (await readFile(stderrFile, "utf8")).split("\n");
    assert.equal(umask, "0077");
    assert.equal(cwd, folder);
    assert.equal(env, "yes");
    assert.equal(handles, "0"); // none that we opened
    assert.equal(complaint, "complaint");
    assert.equal(session?.trim(), pid);
    assert.equal(Number(pid), launched.pid);
    assert.equal((await stat(stderrFile)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, "made"))).mode & 0o777, 0o600);
    assert.notEqual(process.umask(), 0o077);
  });

  it("do not inherit what may be secret in our environment", async () => {
    const stderrFile = join(folder, "env.log");
    process.env.A_TOKEN = "secret";
    const launched = await launch({
      program: { file: "env", argsPrefix: [], env: {} },
      args: [],
      cwd: folder,
      stderrFile,
      env: { GIVEN: "1" },
    });
    delete process.env.A_TOKEN;
    await launched.exited;
    const environment = await readFile(stderrFile, "utf8");
    assert.doesNotMatch(environment, /secret/);
    assert.match(environment, /^PATH=/m);
    assert.match(environment, /^GIVEN=1$/m);
  });

  it("that cannot be started are an error with the file's name", async () => {
    const program = { file: join(folder, "nothing"), argsPrefix: [], env: {} };
    await assert.rejects(launch({ program, args: [], cwd: folder, stderrFile: join(folder, "none.log") }), {
      code: "qemu-missing",
      message: /nothing could not be started/,
    });
  });
});
