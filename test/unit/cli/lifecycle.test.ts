import assert from "node:assert/strict";
import { vivError } from "../../../src/model/index.ts";
import { failed, running, stopped, summaryOf } from "./support/machines.ts";
import { runViv, startViv } from "./support/run-viv.ts";

describe("several machines", () => {
  const answers = {
    "machine.start": async ({ machine }: { machine: string }) => {
      if (machine === "gone") throw vivError("not-found", "There is no machine gone.", "viv ls lists them.");
      if (machine === "busy") throw vivError("locked", "busy is being removed.");
      return running(machine);
    },
  };

  it("are started at once, each reported, with the first failure's code", async () => {
    const ended = await runViv(["start", "a", "gone", "busy", "b"], { answers });
    assert.equal(ended.code, 3);
    assert.equal(ended.stdout, "a: running\nb: running\n");
    assert.match(ended.stderr, /There is no machine gone/);
    assert.match(ended.stderr, /busy is being removed/);
  });

  it("do not wait for each other", async () => {
    let begun = 0;
    const both = Promise.withResolvers<void>();
    await runViv(["pause", "a", "b"], {
      answers: {
        "machine.pause": async ({ machine }) => {
          begun += 1;
          if (begun === 2) both.resolve();
          await both.promise;
          return stopped(machine);
        },
      },
    });
    assert.equal(begun, 2);
  });

  it("named twice are asked for once", async () => {
    const ended = await runViv(["start", "a", "a"], { answers });
    assert.equal(ended.client.calls.length, 1);
  });

  it("give a JSON array in the order of the names, failures in their places", async () => {
    const ended = await runViv(["start", "a", "gone", "--json"], { answers });
    assert.equal(ended.code, 3);
    assert.deepEqual(ended.json(), [
      running("a"),
      { name: "gone", error: { code: "not-found", message: "There is no machine gone.", hint: "viv ls lists them." } },
    ]);
    assert.equal(ended.error().code, "not-found");
  });

  it("give the machine itself in JSON when there is one name, and nothing when it failed", async () => {
    assert.deepEqual((await runViv(["start", "a", "--json"], { answers })).json(), running("a"));
    assert.equal((await runViv(["start", "gone", "--json"], { answers })).stdout, "");
  });
});

describe("each change of state", () => {
  for (const verb of ["start", "kill", "restart", "reset", "pause", "resume", "suspend", "stop"] as const) {
    it(`viv ${verb} asks for machine.${verb} and says how the machine is`, async () => {
      const ended = await runViv([verb, "hello"], {
        answers: { [`machine.${verb}`]: ({ machine }: { machine: string }) => stopped(machine) },
      });
      assert.equal(ended.code, 0);
      assert.deepEqual(ended.client.calls, [{ method: `machine.${verb}`, params: { machine: "hello" } }]);
      assert.equal(ended.stdout, "hello: stopped\n");
    });
  }

  it("passes the limits of a stop on", async () => {
    const ended = await runViv(["stop", "hello", "--timeout", "5s", "--quit-timeout", "500ms"], {
      answers: { "machine.stop": () => stopped("hello") },
    });
    assert.deepEqual(ended.client.calls[0]?.params, { machine: "hello", acpiTimeoutMs: 5000, quitTimeoutMs: 500 });
  });

  it("refuses a duration that is none", async () => {
    assert.equal((await runViv(["stop", "hello", "--timeout", "soon"])).code, 2);
  });
});

describe("wait", () => {
  it("passes the condition and the limit on", async () => {
    const ended = await runViv(["wait", "hello", "--for", "serial:login: ", "--timeout", "2m"], {
      answers: { "machine.wait": () => running("hello") },
    });
    assert.equal(ended.code, 0);
    assert.deepEqual(ended.client.calls[0]?.params, { machine: "hello", for: "serial:login: ", timeoutMs: 120_000 });
  });

  it("refuses a condition that does not exist", async () => {
    for (const words of [[], ["--for", "happy"], ["--for", "serial:"]]) assert.equal((await runViv(["wait", "hello", ...words])).code, 2);
  });
});

describe("progress", () => {
  const answers = {
    "machine.start": async (
      { machine }: { machine: string },
      { onProgress }: { onProgress?: (report: { kind: string; step: string; percent?: number }) => void },
    ) => {
      onProgress?.({ kind: "start", step: "waiting for the guest agent", percent: 42.7 });
      onProgress?.({ kind: "start", step: "waiting for the guest agent", percent: 43 });
      return running(machine);
    },
  };

  it("is one live line on a terminal, taken away at the end", async () => {
    const ended = await runViv(["start", "hello"], { answers, terminal: true });
    assert.equal(
      ended.stderr,
      "\r\u001b[Kstart hello: waiting for the guest agent 42 %\r\u001b[Kstart hello: waiting for the guest agent 43 %\r\u001b[K",
    );
  });

  it("is nothing elsewhere, and one line a step with --verbose", async () => {
    assert.equal((await runViv(["start", "hello"], { answers })).stderr, "");
    assert.equal((await runViv(["start", "hello", "--verbose"], { answers })).stderr, "start hello: waiting for the guest agent\n");
  });

  it("never wraps", async () => {
    const long = {
      "machine.start": async (_params: unknown, { onProgress }: { onProgress?: (report: { kind: string; step: string }) => void }) => {
        onProgress?.({ kind: "start", step: "x".repeat(300) });
        return running("hello");
      },
    };
    const line = (await runViv(["start", "hello"], { answers: long, terminal: true })).stderr.split("\u001b[K")[1] ?? "";
    assert.equal(line.replace("\r", "").length, 79);
  });
});

describe("rm", () => {
  const entry = { id: "t1", name: "hello", removedAt: "2026-11-23T10:00:00Z", bytes: 5 };

  it("moves to the trash and says how to undo", async () => {
    const ended = await runViv(["rm", "hello"], { answers: { "machine.remove": () => entry } });
    assert.deepEqual(ended.client.calls[0]?.params, { machine: "hello", force: false });
    assert.match(ended.stdout, /viv rm hello --undo/);
  });

  it("brings back with --undo", async () => {
    const ended = await runViv(["rm", "hello", "--undo"], { answers: { "machine.restoreRemoved": () => stopped("hello") } });
    assert.deepEqual(ended.client.calls[0], { method: "machine.restoreRemoved", params: { machine: "hello" } });
  });

  it("refuses --undo with --force", async () => {
    assert.equal((await runViv(["rm", "hello", "--undo", "--force"])).code, 2);
  });
});

describe("trash empty", () => {
  const answers = { "machine.emptyTrash": () => ({ freedBytes: 5 * 1024 ** 2 }) };

  it("asks on a terminal, and no is the default", async () => {
    const ended = startViv(["trash", "empty"], { answers, stdin: "terminal" });
    ended.stdin.write("\n");
    assert.equal(await ended.code, 1);
    assert.deepEqual(ended.client.calls, []);
  });

  it("deletes when told yes", async () => {
    const asked = startViv(["trash", "empty"], { answers, stdin: "terminal" });
    asked.stdin.write("y\n");
    assert.equal(await asked.code, 0);
    assert.equal((await runViv(["trash", "empty", "hello", "--yes"], { answers, stdin: "terminal" })).stdout, "5 MiB freed\n");
  });

  it("does not ask a script", async () => {
    assert.equal((await runViv(["trash", "empty"], { answers })).code, 0);
  });
});

describe("ls and show", () => {
  it("print what the API gives, with --json", async () => {
    const machines = [summaryOf(running("b")), summaryOf(failed("a"))];
    assert.deepEqual(
      (await runViv(["ls", "--json"], { answers: { "machine.list": () => machines } })).json(),
      JSON.parse(JSON.stringify(machines)),
    );
    assert.deepEqual((await runViv(["show", "b", "--json"], { answers: { "machine.show": () => running("b") } })).json(), running("b"));
  });

  it("say what to do when there is no machine", async () => {
    assert.match((await runViv(["ls"], { answers: { "machine.list": () => [] } })).stdout, /viv create/);
  });

  it("print a hostile machine without its escapes", async () => {
    const hostile = running("hello", { note: "\u001b]0;owned\u0007note", image: "x\u001b[2J" });
    const shown = await runViv(["show", "hello"], { answers: { "machine.show": () => hostile } });
    const listed = await runViv(["ls"], { answers: { "machine.list": () => [summaryOf(hostile)] } });
    for (const { stdout } of [shown, listed]) assert.equal(stdout.includes("\u001b"), false);
  });
});

describe("rename and set", () => {
  it("say what they did", async () => {
    assert.equal(
      (await runViv(["rename", "hello", "web"], { answers: { "machine.rename": () => stopped("web") } })).stdout,
      "hello is now web\n",
    );
    const ended = await runViv(["set", "hello", "memory=1G", "note=a=b"], {
      answers: {
        "machine.set": () => running("hello", { pendingChanges: ["memory"], pending: [{ path: "memory", before: "1G", after: "2G" }] }),
      },
    });
    assert.equal(ended.stdout, "hello: changed (at the next start: memory: 1G -> 2G)\n");
    assert.deepEqual(ended.client.calls[0]?.params, { machine: "hello", set: ["memory=1G", "note=a=b"] });
  });

  it("refuse a setting without a value or a key", async () => {
    for (const setting of ["memory", "=1G"]) assert.equal((await runViv(["set", "hello", setting])).code, 2);
  });
});

describe("what a machine costs", () => {
  const usage = { cpuPercent: 12.4, intervalMs: 500, residentBytes: 300 * 1024 ** 2, privateBytes: 210 * 1024 ** 2, guest: null };
  const answers = {
    "machine.show": ({ machine }: { machine: string }) => (machine === "off" ? stopped(machine) : running(machine)),
    "machine.usage": () => ({ ...usage, guest: { totalBytes: 500 * 1024 ** 2, availableBytes: 450 * 1024 ** 2 } }),
  };

  it("is measured when it is asked for, and then only", async () => {
    const ended = await runViv(["show", "web", "--usage"], { answers });
    assert.match(ended.stdout, /load\s+12 % of one core\n\s+memory\s+210 MiB on this host; the guest uses 50 MiB of 500 MiB/);
    assert.doesNotMatch((await runViv(["show", "web"], { answers })).stdout, /of one core/);
  });

  it("is a key of its own in JSON, null for a machine that does not run", async () => {
    assert.deepEqual(
      (await runViv(["show", "web", "--json", "--usage"], { answers: { ...answers, "machine.usage": () => usage } })).json(),
      {
        ...running("web"),
        usage,
      },
    );
    assert.deepEqual((await runViv(["show", "off", "--json", "--usage"], { answers })).json(), { ...stopped("off"), usage: null });
  });
});
