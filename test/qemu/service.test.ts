import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import { apiVersion, connect, type VivClient } from "../../src/api/index.ts";
import { codeOf, killVivd, pausesIn, show, until } from "../support/faults.ts";
import { checkout, guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

interface Endpoint {
  address: string;
  token: string;
  pid: number;
  version: string;
}

const endpointOf = async (home: TestHome): Promise<Endpoint> =>
  JSON.parse(await readFile(join(home.folder, "run", "vivd.json"), "utf8")) as Endpoint;

describe("the service and who may talk to it", function () {
  this.timeout(120_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
  });
  after(() => home.dispose());

  async function raw(address: string) {
    const socket = createConnection(address);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
    connection.listen();
    socket.once("close", () => connection.dispose());
    return { connection, socket };
  }

  it("without proof of the token nothing is answered, and a wrong proof ends the connection", async () => {
    const { address } = await endpointOf(home);
    const { connection, socket } = await raw(address);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    for (const method of ["machine.list", "daemon.stop", "daemon.status", "machine.create"]) {
      const params = method === "machine.create" ? { name: "intruder" } : {};
      await assert.rejects(connection.sendRequest(method, params), /has not proved the token/);
    }
    await connection.sendRequest("hello", { apiVersion, version: "9.9.9", build: "0", nonce: "abc" });
    await assert.rejects(connection.sendRequest("machine.list", {}), /has not proved the token/);
    await assert.rejects(connection.sendRequest("authenticate", { proof: "made up" }), /token does not match/);
    await closed;
    assert.deepEqual(await client.call("machine.list", {}), []);
  });

  it("rubbish instead of messages ends that connection and no other", async () => {
    const { address } = await endpointOf(home);
    for (const rubbish of [
      "GET / HTTP/1.1\r\n\r\n",
      "Content-Length: -5\r\n\r\n{}",
      "Content-Length: 9\r\n\r\nnot json!",
      "\0".repeat(100_000),
    ]) {
      const socket = createConnection(address);
      socket.on("error", () => undefined);
      await new Promise<void>((resolve) => socket.once("connect", resolve));
      socket.write(rubbish);
      await new Promise((wake) => setTimeout(wake, 30));
      assert.deepEqual(await client.call("machine.list", {}), []);
      socket.destroy();
    }
  });

  it("wrong parameters and unknown methods are errors with a code, not crashes", async () => {
    const anything = client as unknown as { call(method: string, params: unknown): Promise<unknown> };
    for (const params of [
      undefined,
      null,
      5,
      "x",
      [],
      { machine: 5 },
      { machine: "" },
      { machine: "a", more: 1 },
      { machine: "a".repeat(300) },
    ]) {
      assert.equal(await codeOf(anything.call("machine.show", params)), "usage", JSON.stringify(params));
    }
    assert.deepEqual(await client.call("machine.list", {}), []);
  });

  it("killed during a request is said as daemon-unavailable; the next client has a new one", async () => {
    await client.call("machine.create", { name: "empty", memory: "64M", disk: "16M", set: ["display.type=none"] });
    const { pid } = await client.call("machine.start", { machine: "empty" });
    const waiting = codeOf(client.call("machine.wait", { machine: "empty", for: "stopped", timeoutMs: 60_000 }));
    await killVivd(home);
    assert.equal(await waiting, "daemon-unavailable");
    client = await home.client();
    assert.equal((await show(client, "empty")).pid, pid);
    await client.call("machine.kill", { machine: "empty" });
  });

  it("that is stopped (SIGSTOP) does not hang its clients", async () => {
    const { pid } = await endpointOf(home);
    process.kill(pid, "SIGSTOP");
    try {
      await assert.rejects(connect({ home: home.folder }), { code: "not-responding", message: new RegExp(`process ${pid}`) });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    assert.equal((await client.call("daemon.status", {})).pid, pid);
  });

  it("another program at the address is refused, and replaced by a real service", async () => {
    await client.call("daemon.stop", {});
    await client.closed;
    const address = join(home.folder, "run", "other.sock");
    const secrets: string[] = [];
    const impostor = createServer((socket) => {
      const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
      connection.onRequest((method, params) => {
        secrets.push(`${method} ${JSON.stringify(params)}`);
        return { apiVersion, version: "99.0.0", build: "0", pid: 1, proof: "none", nonce: "n" };
      });
      connection.listen();
    });
    await new Promise<void>((resolve) => impostor.listen(address, resolve));
    const token = "t".repeat(43);
    await writeFile(
      join(home.folder, "run", "vivd.json"),
      JSON.stringify({ schema: 1, address, token, pid: process.pid, startTime: "x", version: "0.0.0", build: "0" }),
    );
    await assert.rejects(connect({ home: home.folder }), { code: "daemon-unavailable" });
    assert.ok(secrets.length > 0 && secrets.every((line) => line.startsWith("hello ") && !line.includes(token)), secrets.join("\n"));
    client = await home.client();
    assert.notEqual((await endpointOf(home)).address, address);
    assert.deepEqual(
      (await client.call("machine.list", {})).map(({ name }) => name),
      ["empty"],
    );
    await new Promise((resolve) => impostor.close(resolve));
  });

  it("with nobody connected and nothing running ends by itself; with a machine running it stays", async () => {
    const idle = await testHome({ environment: { VIVARIUM_IDLE_EXIT_MS: "300" } });
    try {
      const first = await idle.client();
      await first.call("machine.create", { name: "runs", memory: "64M", disk: "16M", set: ["display.type=none"] });
      await first.call("machine.start", { machine: "runs" });
      const pid = await idle.vivdPid();
      first.dispose();
      await new Promise((wake) => setTimeout(wake, 1500));
      const second = await idle.client();
      assert.equal(await idle.vivdPid(), pid);
      await second.call("machine.kill", { machine: "runs" });
      second.dispose();
      await until("the service has ended", async () => {
        try {
          return !process.kill(pid, 0);
        } catch {
          return true;
        }
      });
      await assert.rejects(endpointOf(idle), { code: "ENOENT" });
    } finally {
      await idle.dispose();
    }
  });
});

describe("two builds of Vivarium side by side", function () {
  this.timeout(180_000);
  let folder: string;
  let home: TestHome;
  const pauses = () => pausesIn(folder);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-"));
    await Promise.all([builtAs("old", "1.0.0"), builtAs("new", "2.0.0")]);
    home = await testHome();
  });
  after(async () => {
    await home.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  /** A build as scripts/build.ts makes it, with another version. */
  async function builtAs(name: string, version: string): Promise<void> {
    const outdir = join(folder, name);
    await mkdir(outdir);
    await build({
      absWorkingDir: checkout,
      entryPoints: { viv: "src/cli/viv.ts", vivd: "src/daemon/vivd.ts" },
      outdir,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "esm",
      mainFields: ["module", "main"],
      banner: { js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);' },
      define: { __VIVARIUM_VERSION__: JSON.stringify(version), __VIVARIUM_BUILD__: JSON.stringify("20260101T000000") },
      logLevel: "error",
    });
    await writeFile(join(outdir, "package.json"), JSON.stringify({ type: "module", version }));
    // Beside the programs, as in an extension: by VIVARIUM_DIST they would find the checkout's own service there too.
    for (const part of ["bundle", "guest"]) await symlink(join(checkout, "dist", part), join(outdir, part));
  }

  function viv<T>(build: "old" | "new", ...words: string[]): Promise<T> {
    const env = { ...home.environment, ...pauses().environment, VIVARIUM_RUNTIME: "here" };
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [join(folder, build, "viv.js"), ...words, "--json"], { env }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${build} viv ${words.join(" ")}: ${stderr}${stdout}`));
        else resolve(JSON.parse(stdout || "null") as T);
      });
    });
  }

  it("an older client works against a newer service and does not replace it", async () => {
    assert.deepEqual(await viv("new", "ls"), []);
    const { pid, version } = await endpointOf(home);
    assert.equal(version, "2.0.0");
    await viv("old", "create", "shared", "--memory", "64M", "--disk", "16M", "--set", "display.type=none");
    assert.equal((await viv<{ state: string }>("old", "start", "shared")).state, "running");
    assert.equal((await endpointOf(home)).pid, pid);
    await viv("old", "daemon", "stop");
  });

  it("a newer client replaces an idle older service, and the machine runs on", async () => {
    const before = await viv<{ pid: number }>("old", "show", "shared");
    assert.equal((await endpointOf(home)).version, "1.0.0");
    const after = await viv<{ pid: number; state: string }>("new", "show", "shared");
    assert.deepEqual([after.pid, after.state], [before.pid, "running"]);
    assert.equal((await endpointOf(home)).version, "2.0.0");
    await viv("new", "daemon", "stop");
  });

  it("a newer client does not replace an older service while an operation runs, and is served by it", async () => {
    await viv("old", "kill", "shared");
    const { pid } = await endpointOf(home);
    const pause = await pauses().at("start", "waiting for QEMU");
    const starting = viv<{ state: string }>("old", "start", "shared");
    await pause.reached();
    const seen = await viv<{ state: string }[]>("new", "ls");
    assert.deepEqual(
      seen.map(({ state }) => state),
      ["starting"],
    );
    const during = await endpointOf(home);
    assert.deepEqual([during.pid, during.version], [pid, "1.0.0"]);
    await pause.release();
    assert.equal((await starting).state, "running");
    await viv("new", "ls");
    assert.equal((await endpointOf(home)).version, "2.0.0");
    await viv("new", "kill", "shared");
    await viv("new", "daemon", "stop");
  });
});

describe("adoption", function () {
  this.timeout(240_000);

  it("takes up running machines after kill -9 in under a second, with their uptime going on and their agents answering", async () => {
    const home = await testHome();
    try {
      let client = await home.client();
      await starterMachine(client, "guest", { start: true });
      for (const name of ["one", "two", "three"]) {
        await client.call("machine.create", { name, memory: "64M", disk: "16M", set: ["display.type=none"] });
        await client.call("machine.start", { machine: name });
      }
      const names = ["guest", "one", "two", "three"];
      const before = await Promise.all(names.map((name) => show(client, name)));
      const boot = await guest(client, "guest", "cat", "/proc/sys/kernel/random/boot_id");
      await killVivd(home);
      const [killedAt] = [performance.now()];
      client = await home.client();
      const listed = await client.call("machine.list", {});
      const took = performance.now() - killedAt;
      assert.deepEqual(
        listed.map(({ state }) => state),
        names.map(() => "running"),
      );
      for (const earlier of before) {
        const now = await show(client, earlier.name);
        assert.deepEqual([now.pid, now.id, now.status], [earlier.pid, earlier.id, earlier.status]);
        assert.ok((now.uptimeSeconds ?? 0) >= (earlier.uptimeSeconds ?? 0));
      }
      await client.call("machine.wait", { machine: "guest", for: "agent", timeoutMs: 30_000 });
      assert.equal(await guest(client, "guest", "cat", "/proc/sys/kernel/random/boot_id"), boot);
      // From the sources, vivd itself takes half a second or more to load; its own log says when it served.
      assert.ok(took < 10_000, `${Math.round(took)} ms`);
    } finally {
      await home.dispose();
    }
  });
});
