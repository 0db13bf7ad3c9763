import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { AgentError, connectAgent, type GuestAgent } from "../../../src/qemu/index.ts";

type Command = { execute: string; arguments: Record<string, unknown> };

/** A guest that answers as `behave` says; undefined: it says nothing. Syncs it says nothing to are answered well. */
function guest(behave: (command: Command, theirs: Duplex) => unknown): { agent: GuestAgent; seen: string[]; theirs: Duplex } {
  const [ours, theirs] = duplexPair();
  const seen: string[] = [];
  let text = "";
  theirs.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    const lines = text.split(/[\n\u00ff]/);
    text = lines.pop() ?? "";
    for (const line of lines.filter((each) => each !== "")) {
      const command = JSON.parse(line) as Command;
      seen.push(command.execute);
      const answer = behave(command, theirs);
      if (answer !== undefined) theirs.write(`${JSON.stringify(answer)}\n`);
      else if (command.execute === "guest-sync-delimited") sync(command, theirs);
    }
  });
  return { agent: connectAgent(ours), seen, theirs };
}

function sync(command: Command, theirs: Duplex): void {
  theirs.write(Buffer.concat([Buffer.of(0xff), Buffer.from(`${JSON.stringify({ return: command.arguments["id"] })}\n`)]));
}

const hostname = (name: string) => ({ return: { "host-name": name } });

describe("guest agent client", () => {
  it("meets the agent at a random id, once for many commands", async () => {
    const ids = new Set<unknown>();
    for (let round = 0; round < 2; round += 1) {
      const { agent, seen } = guest((command) => {
        if (command.execute === "guest-sync-delimited") return void ids.add(command.arguments["id"]);
        return hostname("one");
      });
      assert.deepEqual([await agent.hostname(), await agent.hostname()], ["one", "one"]);
      assert.deepEqual(seen, ["guest-sync-delimited", "guest-get-host-name", "guest-get-host-name"]);
    }
    assert.equal(ids.size, 2);
  });

  it("drops everything before the answer to its own sync", async () => {
    const { agent, theirs } = guest((command) => {
      if (command.execute !== "guest-sync-delimited") return hostname("right");
      theirs.write('{"return": {"host-name": "stale"}}\n\u0000\u0001garbage\n{"return": 42}\n');
      theirs.write(
        Buffer.concat([Buffer.from('{"return": {"host-na'), Buffer.of(0xff), Buffer.from('{"return": 7}\n'), Buffer.alloc(100_000, 65)]),
      );
      return undefined;
    });
    assert.equal(await agent.hostname(), "right");
  });

  it("has one command in flight", async () => {
    let open = 0;
    let most = 0;
    const { agent } = guest((command, theirs) => {
      if (command.execute === "guest-sync-delimited") return undefined;
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        theirs.write(`${JSON.stringify(hostname("x"))}\n`);
      }, 3);
      return undefined;
    });
    await Promise.all(Array.from({ length: 5 }, () => agent.hostname()));
    assert.equal(most, 1);
  });

  it("says that the agent is silent, then is not misled by its late answer", async () => {
    let slow = true;
    const { agent, theirs } = guest((command) => {
      if (command.execute === "guest-sync-delimited") {
        // The late answer comes first, as it would from a guest that was busy.
        if (!slow) theirs.write(`${JSON.stringify(hostname("late"))}\n`);
        return undefined;
      }
      if (!slow) return hostname("right");
      slow = false;
      return undefined;
    });
    await assert.rejects(agent.hostname({ timeoutMs: 20 }), { code: "agent-unavailable" });
    assert.equal(await agent.hostname(), "right");
  });

  it("says so when no agent ever answers", async () => {
    const [ours] = duplexPair();
    await assert.rejects(connectAgent(ours).ping({ timeoutMs: 20 }), { code: "agent-unavailable" });
  });

  it("refuses an answer of 100 MB without holding it, and works afterwards", async () => {
    let hostile = true;
    const { agent, theirs } = guest((command) => {
      if (command.execute === "guest-sync-delimited") return undefined;
      if (!hostile) return hostname("calm");
      hostile = false;
      const piece = Buffer.alloc(1024 ** 2, 65);
      theirs.write('{"return": {"host-name": "');
      for (let count = 0; count < 100; count += 1) theirs.write(piece);
      return undefined;
    });
    const before = process.memoryUsage().arrayBuffers;
    await assert.rejects(agent.hostname(), { code: "agent-failed" });
    assert.ok(process.memoryUsage().arrayBuffers - before < 32 * 1024 ** 2);
    assert.equal(await agent.hostname(), "calm");
  });

  const bad: Record<string, unknown> = {
    "no object": 1,
    "neither return nor error": { hello: 1 },
    "an array": [],
    "the wrong type": { return: { "host-name": 7 } },
    "a name of a megabyte": { return: { "host-name": "x".repeat(1_000_000) } },
    "an error without words": { error: {} },
  };
  for (const [what, answer] of Object.entries(bad)) {
    it(`refuses ${what} and works afterwards`, async () => {
      let first = true;
      const { agent } = guest((command) => {
        if (command.execute === "guest-sync-delimited") return undefined;
        const now = first ? answer : hostname("fine");
        first = false;
        return now;
      });
      await assert.rejects(agent.hostname(), { code: "agent-failed" });
      assert.equal(await agent.hostname(), "fine");
    });
  }

  it("gets back in step after a word nobody asked for", async () => {
    const { agent, seen, theirs } = guest((command) => (command.execute === "guest-sync-delimited" ? undefined : hostname("x")));
    await agent.hostname();
    theirs.write('{"return": {"host-name": "uninvited"}}\n');
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await agent.hostname(), "x");
    assert.equal(seen.filter((name) => name === "guest-sync-delimited").length, 2);
  });

  it("explains a forbidden command", async () => {
    const { agent } = guest((command) =>
      command.execute === "guest-exec"
        ? { error: { class: "CommandNotFound", desc: "The command guest-exec has been disabled" } }
        : undefined,
    );
    await assert.rejects(
      agent.exec({ program: "true" }),
      (error) => error instanceof AgentError && /does not allow guest-exec/.test(error.hint ?? ""),
    );
  });

  it("polls a program with growing pauses and gives its end", async () => {
    let polls = 0;
    const started = Date.now();
    const { agent } = guest((command) => {
      if (command.execute === "guest-exec") return { return: { pid: 5 } };
      if (command.execute !== "guest-exec-status") return undefined;
      polls += 1;
      const data = Buffer.from("ünï").toString("base64");
      return {
        return: Date.now() - started < 300 ? { exited: false } : { exited: true, exitcode: 3, "out-data": data, "out-truncated": true },
      };
    });
    const result = await agent.exec({ program: "x" });
    assert.deepEqual(
      { ...result, stdout: result.stdout.toString(), stderr: result.stderr.length },
      { exitCode: 3, signal: undefined, stdout: "ünï", stderr: 0, stdoutTruncated: true, stderrTruncated: false },
    );
    assert.ok(polls > 3 && polls < 20, `${polls} polls`);
  });

  for (const why of ["timeout", "cancelled"] as const) {
    it(`kills a program on ${why}`, async () => {
      const killed = Promise.withResolvers<unknown>();
      const { agent } = guest((command) => {
        if (command.execute === "guest-exec-status") return { return: { exited: false } };
        if (command.execute !== "guest-exec") return undefined;
        if (command.arguments["path"] === "kill") killed.resolve(command.arguments["arg"]);
        return { return: { pid: 77 } };
      });
      const limits = why === "timeout" ? { timeoutMs: 10 } : { signal: AbortSignal.timeout(10) };
      await assert.rejects(agent.exec({ program: "sleep" }, limits), { code: why });
      assert.deepEqual(await killed.promise, ["-9", "77"]);
    });
  }

  it("refuses a file that grows without end", async () => {
    const { agent, seen } = guest((command) => {
      if (command.execute === "guest-file-open") return { return: 9 };
      if (command.execute === "guest-file-close") return { return: {} };
      return command.execute === "guest-file-read"
        ? { return: { "buf-b64": Buffer.alloc(1000).toString("base64"), eof: false } }
        : undefined;
    });
    await assert.rejects(agent.readFile("/dev/zero", { limitBytes: 5000 }), { code: "agent-failed" });
    assert.equal(seen.at(-1), "guest-file-close");
  });

  it("refuses a guest that claims to have written more than it got", async () => {
    const { agent } = guest((command) => {
      if (command.execute === "guest-file-open") return { return: 9 };
      return command.execute === "guest-file-write"
        ? { return: { count: -1 } }
        : command.execute === "guest-file-close"
          ? { return: {} }
          : undefined;
    });
    await assert.rejects(agent.writeFile("/x", Buffer.alloc(10)), { code: "agent-failed" });
  });

  it("sends the time in nanoseconds as a whole number", async () => {
    const times: unknown[] = [];
    const { agent } = guest((command) => {
      if (command.execute !== "guest-set-time") return undefined;
      times.push(command.arguments["time"]);
      return { return: {} };
    });
    await agent.setTime(1_795_433_090_356);
    assert.deepEqual(times, [1_795_433_090_356_000_000]);
  });

  it("rejects what is in flight and what follows when the connection ends", async () => {
    const { agent, theirs } = guest((command) => {
      if (command.execute === "guest-ping") theirs.destroy();
      return undefined;
    });
    await assert.rejects(agent.ping(), { code: "agent-unavailable" });
    await agent.closed;
    await assert.rejects(agent.ping(), { code: "agent-unavailable" });
  });
});
