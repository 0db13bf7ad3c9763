import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { connectQmp, type QmpClient, QmpError, type QmpEvent, type QmpOptions } from "../../../src/qemu/index.ts";

/** A server that misbehaves on purpose; how QEMU really answers is in test/qemu/qmp.test.ts. */
function faultyServer() {
  const [ours, theirs] = duplexPair();
  const received: { execute: string; id: number }[] = [];
  let text = "";
  theirs.on("data", (chunk) => {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line);
      received.push(message);
      if (message.execute === "qmp_capabilities") say({ return: {}, id: message.id });
    }
  });
  const say = (message: unknown) => theirs.write(`${JSON.stringify(message)}\r\n`);
  const greet = () => say({ QMP: { version: { qemu: { major: 10, minor: 0, micro: 13 }, package: "" }, capabilities: ["oob"] } });
  return {
    ours,
    theirs,
    say,
    greet,
    /** The id of the newest command of this name, once it has come. */
    async idOf(name: string): Promise<number> {
      for (;;) {
        const found = received.findLast(({ execute }) => execute === name);
        if (found !== undefined) return found.id;
        await sleep(1);
      }
    },
    async client(options: QmpOptions = {}): Promise<QmpClient> {
      greet();
      return connectQmp(ours, options);
    },
  };
}

const running = { status: "running", running: true };

describe("QMP client", () => {
  it("brings answers in any order to the commands they belong to", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const status = qmp.execute("query-status");
    const uuid = qmp.execute("query-uuid");
    server.say({ return: { UUID: "u" }, id: await server.idOf("query-uuid") });
    server.say({ return: running, id: await server.idOf("query-status") });
    assert.deepEqual([(await status).status, (await uuid).UUID], ["running", "u"]);
  });

  it("drops answers nobody waits for, with an unknown id or none", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const status = qmp.execute("query-status");
    const id = await server.idOf("query-status");
    for (const stray of [
      { return: {}, id: 4711 },
      { return: {} },
      { return: {}, id: "text" },
      { error: { class: "GenericError", desc: "?" } },
    ])
      server.say(stray);
    server.say({ return: running, id });
    assert.equal((await status).status, "running");
  });

  it("reads characters that arrive in halves, and several messages at once", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const name = qmp.execute("query-name");
    const uuid = qmp.execute("query-uuid");
    const first = { return: { name: "ünï 数 🦊" }, id: await server.idOf("query-name") };
    const bytes = Buffer.from(
      `${JSON.stringify(first)}\r\n${JSON.stringify({ return: { UUID: "u" }, id: await server.idOf("query-uuid") })}\r\n`,
    );
    for (const byte of bytes) {
      server.theirs.write(Buffer.of(byte));
      await Promise.resolve();
    }
    assert.deepEqual([(await name).name, (await uuid).UUID], ["ünï 数 🦊", "u"]);
  });

  it("rejects what is in flight when the connection ends in the middle of an answer", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const status = qmp.execute("query-status");
    await server.idOf("query-status");
    server.theirs.write('{"return": {"sta');
    server.theirs.end();
    await assert.rejects(status, { code: "qemu-lost" });
    assert.equal(await qmp.closed, undefined);
    await assert.rejects(qmp.execute("query-status"), { code: "qemu-lost" });
  });

  it("takes an end after quit for the answer", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const quit = qmp.execute("quit");
    await server.idOf("quit");
    server.theirs.destroy();
    await quit;
  });

  it("ends the connection at a line beyond the limit instead of holding it", async () => {
    const server = faultyServer();
    const qmp = await server.client({ lineLimitBytes: 1000 });
    const status = qmp.execute("query-status");
    await server.idOf("query-status");
    server.theirs.write(`{"return": "${"x".repeat(2000)}`);
    await assert.rejects(status, { code: "qmp-error" });
    assert.equal((await qmp.closed)?.code, "qmp-error");
  });

  for (const garbage of ["hello", "[1]", "null", "\u0000\u0001", '{"return"', "[".repeat(100_000)]) {
    it(`ends the connection at ${JSON.stringify(garbage.slice(0, 12))}`, async () => {
      const server = faultyServer();
      const qmp = await server.client();
      server.theirs.write(`${garbage}\n`);
      assert.match(String((await qmp.closed)?.message), /not QMP/);
    });
  }

  it("says when an answer has not the form it should, and goes on", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const status = qmp.execute("query-status");
    server.say({ return: { status: "dancing" }, id: await server.idOf("query-status") });
    await assert.rejects(status, { code: "qmp-error" });
    const uuid = qmp.execute("query-uuid");
    server.say({ return: { UUID: "u" }, id: await server.idOf("query-uuid") });
    await uuid;
  });

  it("gives up after the time, drops the late answer, and goes on", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    await assert.rejects(qmp.execute("query-status", {}, { timeoutMs: 20 }), { code: "not-responding" });
    const again = qmp.execute("query-uuid");
    server.say({ return: running, id: await server.idOf("query-status") });
    server.say({ return: { UUID: "u" }, id: await server.idOf("query-uuid") });
    assert.equal((await again).UUID, "u");
  });

  it("is cancelled by the signal, before and while it waits", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const stop = new AbortController();
    const status = qmp.execute("query-status", {}, { signal: stop.signal });
    await server.idOf("query-status");
    stop.abort();
    await assert.rejects(status, { code: "cancelled" });
    await assert.rejects(qmp.execute("query-uuid", {}, { signal: stop.signal }), { code: "cancelled" });
  });

  it("passes on events it does not know, and those it knows typed", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const all: QmpEvent[] = [];
    const reasons: string[] = [];
    qmp.onEvent((event) => all.push(event));
    const subscription = qmp.on("SHUTDOWN", ({ reason }) => reasons.push(reason));
    const timestamp = { seconds: 1_700_000_000, microseconds: 250_000 };
    server.say({ event: "NEW_THING", data: { a: 1 }, timestamp });
    server.say({ event: "SHUTDOWN", data: { guest: true, reason: "guest-shutdown" }, timestamp });
    server.say({ event: "SHUTDOWN", data: { guest: "yes" }, timestamp });
    server.say({ event: "SHUTDOWN", data: { guest: true, reason: "a reason of the future" }, timestamp });
    await sleep(5);
    subscription.dispose();
    server.say({ event: "SHUTDOWN", data: { guest: true, reason: "guest-reset" }, timestamp });
    await sleep(5);
    assert.deepEqual(reasons, ["guest-shutdown", "none"]);
    assert.deepEqual(all[0], { name: "NEW_THING", data: { a: 1 }, at: 1_700_000_000_250 });
    assert.equal(all.length, 5);
  });

  it("keeps QEMU's words in a refusal", async () => {
    const server = faultyServer();
    const qmp = await server.client();
    const stop = qmp.execute("stop");
    server.say({ error: { class: "GenericError", desc: "Not now" }, id: await server.idOf("stop") });
    await assert.rejects(stop, (error) => error instanceof QmpError && error.command === "stop" && error.description === "Not now");
  });

  it("waits for a greeting only so long", async () => {
    const server = faultyServer();
    await assert.rejects(connectQmp(server.ours, { timeoutMs: 20 }), { code: "not-responding" });
    assert.ok(server.ours.destroyed);
  });

  it("says so when the other side is gone before it greeted", async () => {
    const server = faultyServer();
    const connecting = connectQmp(server.ours);
    server.theirs.end();
    await assert.rejects(connecting, { code: "qemu-lost" });
  });
});
