import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import {
  addForward,
  checkForwardAnswer,
  connectQmp,
  infoUsernet,
  openChannel,
  parseUsernet,
  QmpError,
  type QmpOptions,
  removeForward,
} from "../../src/qemu/index.ts";
import { tool } from "../support/tools.ts";
import { makeWorld, type Started, type World } from "./world.ts";

describe("QMP with the real QEMU", function () {
  this.timeout(20_000);
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.dispose());

  const bare = ["-M", "none", "-nodefaults", "-no-user-config", "-display", "none", "-S"];

  async function start(...args: string[]): Promise<Started> {
    const monitor = (id: string) => [
      "-chardev",
      `socket,id=${id},path=${world.path(id)},server=on,wait=off`,
      "-mon",
      `chardev=${id},mode=control`,
    ];
    const qemu = await tool("qemu-system-x86_64");
    return world.start(qemu, [
      ...qemu.dataDirectories.flatMap((folder) => ["-L", folder]),
      ...bare,
      ...monitor("control"),
      ...monitor("rescue"),
      ...args,
    ]);
  }

  async function connect(id = "control", options: QmpOptions = {}) {
    return connectQmp(await openChannel({ kind: "unix", path: world.path(id) }, { retry: true }), options);
  }

  it("greets, answers and says goodbye", async () => {
    const { exited } = await start("-uuid", "3f0c6a1e-8b7d-4c2a-9e5f-0a1b2c3d4e5f");
    const qmp = await connect();
    assert.ok(qmp.greeting.version.major >= 7);
    assert.equal((await qmp.execute("query-status")).status, "prelaunch");
    assert.equal((await qmp.execute("query-uuid")).UUID, "3f0c6a1e-8b7d-4c2a-9e5f-0a1b2c3d4e5f");
    const shutdown = new Promise<string>((resolve) => qmp.on("SHUTDOWN", ({ reason }) => resolve(reason)));
    await qmp.execute("quit");
    assert.equal(await shutdown, "host-qmp-quit");
    assert.equal(await qmp.closed, undefined);
    await exited;
  });

  it("keeps fifty commands in flight apart", async () => {
    await start();
    const qmp = await connect();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? qmp.execute("query-status") : qmp.execute("query-version"))),
    );
    assert.deepEqual(
      answers.map((answer) => "status" in answer),
      answers.map((_, index) => index % 2 === 1),
    );
    qmp.dispose();
  });

  it("reports a refusal with QEMU's class and words", async () => {
    await start();
    const qmp = await connect();
    await assert.rejects(qmp.execute("device_del", { id: "nobody" }), (error) => {
      assert.ok(error instanceof QmpError);
      assert.deepEqual([error.code, error.command, error.qmpClass], ["qmp-error", "device_del", "DeviceNotFound"]);
      return /nobody/.test(error.message);
    });
    qmp.dispose();
  });

  it("brings events in the order they happen", async () => {
    await start();
    const qmp = await connect();
    const seen: string[] = [];
    qmp.onEvent(({ name }) => seen.push(name));
    await qmp.execute("cont");
    await qmp.execute("stop");
    await qmp.execute("query-status");
    assert.deepEqual(seen, ["RESUME", "STOP"]);
    qmp.dispose();
  });

  it("speaks out of band on the rescue monitor while the control monitor is open", async () => {
    await start();
    const control = await connect();
    const rescue = await connect("rescue", { outOfBand: true });
    await assert.rejects(rescue.executeOutOfBand("migrate-pause"), QmpError);
    assert.ok((await rescue.execute("query-yank")).some(({ type }) => type === "chardev"));
    await assert.rejects(control.executeOutOfBand("migrate-pause"), /without it/);
    control.dispose();
    rescue.dispose();
  });

  it("gives up on a monitor that somebody else holds, and gets it once it is free", async () => {
    await start();
    const first = await connect();
    await assert.rejects(connect("control", { timeoutMs: 200 }), { code: "not-responding" });
    first.dispose();
    const second = await connect();
    assert.equal((await second.execute("query-status")).running, false);
    second.dispose();
  });

  it("tells a stopped QEMU from an ended one", async () => {
    const { child, exited } = await start();
    const qmp = await connect();
    child.kill("SIGSTOP");
    await assert.rejects(qmp.execute("query-status", {}, { timeoutMs: 150 }), { code: "not-responding" });
    child.kill("SIGCONT");
    // The late answer to the first one is dropped.
    assert.equal((await qmp.execute("query-version")).qemu.major, qmp.greeting.version.major);
    child.kill("SIGSTOP");
    const waiting = assert.rejects(qmp.execute("query-status"), { code: "qemu-lost" });
    child.kill("SIGKILL");
    await waiting;
    await exited;
    await assert.rejects(openChannel({ kind: "unix", path: world.path("control") }), { code: "qemu-lost" });
  });

  it("adds, lists and removes a forward behind a hub", async () => {
    const port = await freePort();
    const hub = [
      { type: "user", id: "u0" },
      { type: "hubport", id: "h0", hubid: 0, netdev: "u0" },
      { type: "hubport", id: "n0", hubid: 0 },
    ];
    await start(...hub.flatMap((netdev) => ["-netdev", JSON.stringify(netdev)]));
    const qmp = await connect();
    const rule = { protocol: "tcp" as const, hostAddress: "127.0.0.1", hostPort: port, guestPort: 22 };
    const ask = (command: typeof infoUsernet) => qmp.execute("human-monitor-command", { "command-line": command });
    checkForwardAnswer(await ask(addForward("u0", rule)), rule);
    const [listed] = parseUsernet(await ask(infoUsernet));
    assert.deepEqual(listed && { ...listed, guestAddress: "" }, { netdev: "u0", ...rule, guestAddress: "" });
    assert.throws(() => checkForwardAnswer("could not set up host forwarding rule 'tcp:127.0.0.1:22-:22'", rule), { code: "failed" });
    const again = await ask(addForward("u0", rule));
    assert.throws(() => checkForwardAnswer(again, rule), { code: "failed" });
    checkForwardAnswer(await ask(removeForward("u0", rule)), rule);
    assert.deepEqual(parseUsernet(await ask(infoUsernet)), []);
    qmp.dispose();
  });

  it("reaches a monitor on TCP only with the right pre-shared key", async () => {
    const key = randomBytes(32);
    await writeFile(world.path("keys.psk"), `vivarium:${key.toString("hex")}\n`, { mode: 0o600 });
    const port = await freePort();
    await start(
      ...["-object", JSON.stringify({ "qom-type": "tls-creds-psk", id: "tls", endpoint: "server", dir: world.folder })],
      ...["-chardev", `socket,id=tcp,host=127.0.0.1,port=${port},server=on,wait=off,tls-creds=tls`, "-mon", "chardev=tcp,mode=control"],
    );
    const address = { kind: "tls", host: "127.0.0.1", port } as const;
    const wrong = { identity: "vivarium", key: randomBytes(32) };
    await connect("control").then((qmp) => qmp.dispose());
    await assert.rejects(openChannel(address, { preSharedKey: wrong }).then((stream) => connectQmp(stream, { timeoutMs: 500 })));
    const qmp = await connectQmp(await openChannel(address, { preSharedKey: { identity: "vivarium", key } }));
    assert.equal((await qmp.execute("query-status")).status, "prelaunch");
    qmp.dispose();
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}
