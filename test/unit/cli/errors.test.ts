import assert from "node:assert/strict";
import { type ErrorCode, errorCodes, vivError } from "../../../src/model/index.ts";
import { runViv, startViv } from "./support/run-viv.ts";

function failing(code: ErrorCode, message = "It went wrong.", hint?: string) {
  return { answers: { "machine.list": () => Promise.reject(vivError(code, message, hint)) } };
}

describe("a failure", () => {
  it("has the exit code the model gives its code", async () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      assert.equal((await runViv(["ls"], failing(code))).code, errorCodes[code], code);
    }
  });

  it("is told on stderr with its hint", async () => {
    const ended = await runViv(["ls"], failing("locked", "hello is locked.", "Wait."));
    assert.equal(ended.stderr, "viv: hello is locked.\n  Wait.\n");
    assert.equal(ended.stdout, "");
  });

  it("is one JSON value on stderr with --json", async () => {
    const ended = await runViv(["ls", "--json"], failing("locked", "hello is locked.", "Wait."));
    assert.deepEqual(JSON.parse(ended.stderr), { error: { code: "locked", message: "hello is locked.", hint: "Wait." } });
    assert.equal(ended.stdout, "");
  });

  it("cannot write escapes to the terminal, but keeps QEMU's lines", async () => {
    const ended = await runViv(["ls"], failing("qemu-crashed", "QEMU said:\n\u001b]0;owned\u0007no such device\n"));
    assert.equal(ended.stderr, "viv: QEMU said:\n     no such device\n");
  });

  it("tells its causes with --verbose", async () => {
    const cause = new Error("socket closed");
    const answers = { "machine.list": () => Promise.reject(vivError("qmp-error", "QEMU does not answer.", undefined, cause)) };
    assert.match((await runViv(["ls", "--verbose"], { answers })).stderr, /because: socket closed/);
    assert.doesNotMatch((await runViv(["ls"], { answers })).stderr, /because/);
  });

  it("of no known kind is internal and no stack trace", async () => {
    const ended = await runViv(["ls"], { answers: { "machine.list": () => Promise.reject(new TypeError("x is undefined")) } });
    assert.equal(ended.code, 1);
    assert.equal(ended.stderr, "viv: x is undefined\n");
  });

  it("leaves no connection open", async () => {
    assert.equal((await runViv(["ls"], failing("failed"))).client.disposed, true);
  });
});

describe("a wrong command line", () => {
  it("is a usage error, and asks nothing of the service", async () => {
    for (const words of [
      ["strat"],
      ["ls", "extra"],
      ["start"],
      ["trash"],
      ["--nonsense"],
      ["show", "a", "b"],
      ["wait", "hello", "--timeout"],
    ]) {
      const ended = await runViv(words);
      assert.equal(ended.code, 2, words.join(" "));
      assert.deepEqual(ended.client.calls, []);
    }
  });

  it("is told as JSON with --json", async () => {
    const ended = await runViv(["start", "--json", "--fast", "x"]);
    assert.equal(ended.error().code, "usage");
  });

  it("of no words at all shows the help on stderr", async () => {
    const ended = await runViv([]);
    assert.equal(ended.code, 2);
    assert.equal(ended.stdout, "");
    assert.match(ended.stderr, /Usage: viv VERB/);
  });
});

describe("Ctrl+C", () => {
  it("cancels the request and ends with 130", async () => {
    const answers = {
      "machine.wait": (_params: unknown, { signal }: { signal?: AbortSignal }) =>
        new Promise<never>((_resolve, reject) => signal?.addEventListener("abort", () => reject(vivError("cancelled", "Cancelled.")))),
    };
    const running = startViv(["wait", "hello", "--for", "agent"], { answers });
    setTimeout(() => running.interrupt(), 20);
    assert.equal(await running.code, 130);
    assert.equal(running.stderr(), "viv: Cancelled.\n");
  });

  it("is told once for several machines", async () => {
    const answers = {
      "machine.start": (_params: unknown, { signal }: { signal?: AbortSignal }) =>
        new Promise<never>((_resolve, reject) => signal?.addEventListener("abort", () => reject(vivError("cancelled", "Cancelled.")))),
    };
    const running = startViv(["start", "a", "b", "c"], { answers });
    setTimeout(() => running.interrupt(), 20);
    assert.equal(await running.code, 130);
    assert.equal(running.stderr(), "viv: Cancelled.\n");
  });

  it("ends a termination with 143", async () => {
    const running = startViv(["events"]);
    setTimeout(() => running.interrupt("SIGTERM"), 20);
    assert.equal(await running.code, 143);
  });
});
