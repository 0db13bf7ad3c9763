import assert from "node:assert/strict";
import type { Result } from "../../../src/api/index.ts";
import { maximumStdinBytes } from "../../../src/cli/verbs/exec.ts";
import type { FakeClient } from "./support/fake-client.ts";
import { runViv, startViv } from "./support/run-viv.ts";

type ExecResult = Result<"machine.exec">;

function result(changes: Partial<ExecResult> & { stdout?: Buffer | string; stderr?: string } = {}): ExecResult {
  const { stdout = "", stderr = "", ...rest } = changes;
  return {
    exitCode: 0,
    signal: null,
    stdoutBase64: Buffer.from(stdout).toString("base64"),
    stderrBase64: Buffer.from(stderr).toString("base64"),
    truncated: false,
    way: "agent",
    ...rest,
  };
}

function stdinOf(client: FakeClient): string | undefined {
  return (client.calls[0]?.params as { stdinBase64?: string } | undefined)?.stdinBase64;
}

const answering = (changes: Parameters<typeof result>[0] = {}) => ({ "machine.exec": () => result(changes) });

describe("exec", () => {
  it("passes the command's words on as they are", async () => {
    const ended = await runViv(
      ["exec", "hello", "--env", "A=b=c", "--timeout", "30s", "--way", "ssh", "--", "sh", "-c", 'echo "$A"', "--json", ""],
      { answers: answering() },
    );
    assert.equal(ended.code, 0);
    assert.deepEqual(ended.client.calls[0]?.params, {
      machine: "hello",
      command: ["sh", "-c", 'echo "$A"', "--json", ""],
      environment: ["A=b=c"],
      timeoutMs: 30_000,
      way: "ssh",
    });
  });

  it("gives output byte by byte, stdout and stderr apart, and the command's exit code", async () => {
    const bytes = Buffer.from([0, 255, 27, 91, 50, 74, 128]);
    const running = startViv(["exec", "hello", "--", "x"], {
      answers: answering({ stdout: bytes, stderr: "\u001b[31moh\u001b[0m", exitCode: 42 }),
    });
    assert.equal(await running.code, 42);
    assert.deepEqual(running.stdoutBytes(), bytes);
    assert.equal(running.stderr(), "\u001b[31moh\u001b[0m");
  });

  it("gives 128 and the signal's number when one ended the command", async () => {
    assert.equal((await runViv(["exec", "hello", "--", "x"], { answers: answering({ signal: 9, exitCode: 0 }) })).code, 137);
  });

  it("warns when the answer was cut off", async () => {
    assert.match(
      (await runViv(["exec", "hello", "--", "x"], { answers: answering({ truncated: true, stdout: "a" }) })).stderr,
      /warning: .* cut off/,
    );
  });

  it("gives JSON with the output as text where it is text", async () => {
    const ended = await runViv(["exec", "hello", "--json", "--", "x"], { answers: answering({ stdout: "hi\n", exitCode: 3 }) });
    assert.equal(ended.code, 3);
    assert.deepEqual(ended.json(), { ...result({ stdout: "hi\n", exitCode: 3 }), stdout: "hi\n", stderr: "" });
    const binary = await runViv(["exec", "hello", "--json", "--", "x"], { answers: answering({ stdout: Buffer.from([255]) }) });
    assert.equal((binary.json() as { stdout: unknown }).stdout, null);
  });

  it("forwards a pipe on stdin to its end", async () => {
    const ended = await runViv(["exec", "hello", "--", "cat"], { answers: answering(), stdin: Buffer.from([1, 2, 0, 255]) });
    assert.equal(stdinOf(ended.client), Buffer.from([1, 2, 0, 255]).toString("base64"));
  });

  it("does not read a keyboard unless asked", async () => {
    assert.equal((await runViv(["exec", "hello", "--", "x"], { answers: answering(), stdin: "terminal" })).code, 0);
    const asked = startViv(["exec", "hello", "--stdin", "--", "cat"], { answers: answering(), stdin: "terminal" });
    asked.stdin.end("typed\n");
    await asked.code;
    assert.equal(stdinOf(asked.client), Buffer.from("typed\n").toString("base64"));
  });

  it("does not hang on a pipe that nobody writes to, and says that it goes on without", async () => {
    const ended = await runViv(["exec", "hello", "--", "x"], { answers: answering(), stdin: "silent" });
    assert.equal(ended.code, 0);
    assert.match(ended.stderr, /--stdin waits for it/);
  });

  it("waits for a slow pipe with --stdin", async () => {
    const running = startViv(["exec", "hello", "--stdin", "--", "cat"], { answers: answering(), stdin: "silent" });
    setTimeout(() => running.stdin.end("late"), 400);
    await running.code;
    assert.equal(stdinOf(running.client), Buffer.from("late").toString("base64"));
  });

  it("refuses more than 16 MiB with a way out", async () => {
    const ended = await runViv(["exec", "hello", "--json", "--", "cat"], {
      answers: answering(),
      stdin: Buffer.alloc(maximumStdinBytes + 1),
    });
    assert.equal(ended.code, 2);
    assert.match(ended.error().message, /More than 16 MiB/);
    assert.ok(ended.error().hint);
    assert.deepEqual(ended.client.calls, []);
  });

  it("takes exactly 16 MiB", async () => {
    assert.equal((await runViv(["exec", "hello", "--", "cat"], { answers: answering(), stdin: Buffer.alloc(maximumStdinBytes) })).code, 0);
  });

  it("refuses wrong words", async () => {
    for (const words of [
      ["hello"],
      ["hello", "--"],
      ["hello", "--env", "A", "--", "x"],
      ["hello", "--timeout", "x", "--", "x"],
      ["hello", "--way", "smoke", "--", "x"],
    ]) {
      assert.equal((await runViv(["exec", ...words])).code, 2, words.join(" "));
    }
  });
});

describe("ssh", () => {
  const target = {
    user: "root",
    hostAddress: "127.0.0.1",
    port: 40022,
    identityFile: "/k",
    knownHostsFile: "/h",
    hostKeyAlias: "hello.viv",
    arguments: ["-p", "40022", "root@127.0.0.1"],
  };
  const answers = { "machine.sshTarget": () => target };

  it("runs the host's ssh with the machine's arguments and gives its exit code", async () => {
    const runs: unknown[] = [];
    const ended = await runViv(["ssh", "hello", "--", "ls", "-l"], {
      answers,
      runProgram: async (program, args) => {
        runs.push([program, ...args]);
        return { code: 7, signal: null };
      },
    });
    assert.equal(ended.code, 7);
    assert.deepEqual(runs, [["ssh", "-p", "40022", "root@127.0.0.1", "--", "ls", "-l"]]);
  });

  it("says that a signal ended it as a shell does", async () => {
    assert.equal((await runViv(["ssh", "hello"], { answers, runProgram: async () => ({ code: null, signal: "SIGTERM" }) })).code, 143);
  });

  it("says how to install ssh where there is none", async () => {
    const ended = await runViv(["ssh", "hello"], {
      answers,
      runProgram: () => Promise.reject(Object.assign(new Error("spawn ssh ENOENT"), { code: "ENOENT" })),
    });
    assert.equal(ended.code, 5);
    assert.match(ended.stderr, /Install|macOS/);
  });

  it("prints the target with --json and runs nothing", async () => {
    assert.deepEqual((await runViv(["ssh", "hello", "--json"], { answers })).json(), target);
  });
});
