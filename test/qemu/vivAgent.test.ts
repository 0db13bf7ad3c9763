import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Duplex, duplexPair, type Readable } from "node:stream";
import type { ExecSession, Params, VivClient } from "../../src/api/index.ts";
import { connectVivAgent, type VivAgent, type VivProcess } from "../../src/qemu/index.ts";
import { killVivd } from "../support/faults.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";

const program = join(
  process.env.VIVARIUM_GUESTS ?? join(checkout, "dist", "guest"),
  process.arch === "arm64" ? "aarch64" : "x86_64",
  "viv-agent",
);

async function text(stream: Readable): Promise<string> {
  return (await bytes(stream)).toString("utf8");
}

async function bytes(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The agent on this host, over a pair of sockets: the same program and protocol, without a guest. */
describe("viv-agent, on a pair of sockets", function () {
  this.timeout(60_000);
  let child: ChildProcess;
  let port: Duplex;
  let agent: VivAgent;

  before(() => assert.ok(existsSync(program), `${program} is missing: node scripts/guest.ts`));
  beforeEach(async () => {
    child = spawn(program, ["--port-fd", "3"], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
    port = child.stdio[3] as Duplex;
    // The agent is killed in the end.
    port.on("error", () => undefined);
    agent = await connectVivAgent(newHost(), { timeoutMs: 5000 });
  });

  /** Another host on the same port: the one before hears no more. */
  function newHost(): Duplex {
    port.removeAllListeners("data");
    const [host, near] = duplexPair();
    port.on("data", (chunk: Buffer) => near.write(chunk));
    near.on("data", (chunk: Buffer) => port.write(chunk));
    return host;
  }

  afterEach(() => {
    agent.dispose();
    child.kill("SIGKILL");
  });

  async function run(words: string[], input: Buffer | string = ""): Promise<{ out: string; err: string; code: number | undefined }> {
    const running = agent.run({ words });
    running.stdin.end(input);
    const [out, err, exit] = await Promise.all([text(running.stdout), text(running.stderr), running.exit]);
    return { out, err, code: exit.exitCode };
  }

  it("says its protocol, build and abilities", () => {
    assert.equal(agent.protocol, 1);
    assert.match(agent.build, /^[0-9a-f]{12}$/);
    for (const ability of ["exec", "tty", "get", "put", "list", "watch", "ports", "identity", "upgrade", "sync", "fetch"])
      assert.ok(agent.abilities.has(ability), ability);
  });

  it("runs commands: stdout, stderr, exit code, signal, stdin to its end", async () => {
    assert.deepEqual(await run(["sh", "-c", "cat; echo oh >&2; exit 7"], "hi"), { out: "hi", err: "oh\n", code: 7 });
    const sleeping = agent.run({ words: ["sleep", "100"] });
    await sleeping.started;
    sleeping.signal(15);
    sleeping.stdout.resume();
    sleeping.stderr.resume();
    assert.deepEqual(await sleeping.exit, { exitCode: undefined, signal: 15 });
  });

  it("says what cannot be run, and why", async () => {
    await assert.rejects(run(["nonesuch"]), { code: "not-found", message: "The guest has no program nonesuch." });
    await assert.rejects(run(["/"]), { code: "agent-failed" });
    const nobody = agent.run({ words: ["true"], user: "nobody-here" });
    await assert.rejects(nobody.exit, { code: "not-found", message: "The guest has no such user for true." });
    const nowhere = agent.run({ words: ["true"], folder: "/nowhere" });
    await assert.rejects(nowhere.exit, { code: "not-found", message: "The guest has no such folder for true." });
    await assert.rejects(run(["x".repeat(70_000)]), { code: "usage" });
  });

  it("does not wait for what a command left in the background", async () => {
    const started = Date.now();
    assert.equal((await run(["sh", "-c", "sleep 20 & echo done"])).out, "done\n");
    assert.ok(Date.now() - started < 10_000);
  });

  it("carries megabytes both ways, and holds a writer back whose reader is slow", async () => {
    const data = randomBytes(8 * 1024 * 1024);
    const running = agent.run({ words: ["cat"] });
    running.stdin.end(data);
    assert.ok((await bytes(running.stdout)).equals(data));
    // Nobody reads: the agent stops at its credit, and so does the command.
    const flood = agent.run({ words: ["sh", "-c", "head -c 50000000 /dev/zero; echo end >&2"] });
    flood.stderr.resume();
    await flood.started;
    await new Promise((wake) => setTimeout(wake, 500));
    // A mebibyte ahead, and half of one more that Node reads before anybody asks.
    assert.ok(flood.stdout.readableLength <= 1.5 * 1024 * 1024, `${flood.stdout.readableLength} bytes are held`);
    assert.equal((await bytes(flood.stdout)).length, 50_000_000);
  });

  it("gives a terminal with its size, and follows changes", async () => {
    const terminal = agent.run({
      words: ["sh", "-c", "stty size; read x; stty size; read y; echo end"],
      terminal: { rows: 24, columns: 80 },
    });
    let seen = "";
    terminal.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
    await until(() => seen.includes("24 80"));
    terminal.resize(50, 132);
    terminal.stdin.write("\n");
    await until(() => seen.includes("50 132"));
    terminal.stdin.write("\n");
    assert.deepEqual(await terminal.exit, { exitCode: 0, signal: undefined });
  });

  it("serves sixty commands at once, and the next one is told", async () => {
    const many = Array.from({ length: 64 }, () => agent.run({ words: ["cat"] }));
    await Promise.all(many.map(({ started }) => started));
    await assert.rejects(agent.run({ words: ["true"] }).exit, { code: "agent-failed" });
    for (const one of many) one.stdin.end("x");
    assert.deepEqual(
      await Promise.all(many.map(({ stdout }) => text(stdout))),
      many.map(() => "x"),
    );
  });

  it("drops a former host's commands and half a frame when a new host comes", async () => {
    const left = agent.run({ words: ["sleep", "100"] });
    const pid = await left.started;
    // Half of a frame that says it has 60,000 bytes.
    port.write(Buffer.from([0x60, 0xea, 0, 0, 3, 0, ...checkBytes(60_000, 3), 1, 0, 0, 0, 1, 2, 3]));
    const again = await connectVivAgent(newHost(), { timeoutMs: 5000 });
    const running = again.run({ words: ["echo", "new"] });
    assert.equal(await text(running.stdout), "new\n");
    await until(() => !existsSync(`/proc/${pid}`));
    again.dispose();
  });

  it("survives noise from a broken host", async function () {
    this.timeout(120_000);
    const seed = randomBytes(4).readUInt32LE(0);
    console.log(`      seed ${seed}`);
    let state = seed;
    const next = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state;
    };
    for (let round = 0; round < 300; round += 1) {
      const length = next() % 300;
      const payload = Buffer.from(Array.from({ length }, () => next() >>> 24));
      const type = [3, 4, 16, 17, 18, 19, 20, next() % 256][next() % 8] ?? 0;
      const stream = next() % 4;
      const header = Buffer.alloc(12);
      header.writeUInt32LE(length, 0);
      header[4] = type;
      header.writeUInt16LE(checkOf(length, type, 0, stream), 6);
      header.writeUInt32LE(stream, 8);
      port.write(next() % 10 === 0 ? payload : Buffer.concat([header, payload]));
      // A command whose words are noise may be a program's name; none has one of these.
    }
    const again = await connectVivAgent(newHost(), { timeoutMs: 10_000 });
    const running = again.run({ words: ["echo", "alive"] });
    assert.equal(await text(running.stdout), "alive\n");
    assert.equal(child.exitCode, null);
    again.dispose();
  });

  it("copies trees both ways with modes, links, times and long names, and refuses what leads out", async () => {
    const folder = (await run(["mktemp", "-d"])).out.trim();
    try {
      const long = "n".repeat(200);
      const made = `mkdir -p a/b && cd a && echo hi > b/f && chmod 750 b/f && ln -s ../nowhere l && touch -d @1234567890.123456789 ${long} && chmod 500 b`;
      assert.equal((await run(["sh", "-c", `cd ${folder} && ${made}`])).code, 0);
      const archive = agent.applet(["get", `${folder}/a`, "copy"]);
      const [tar, said] = await Promise.all([bytes(archive.stdout), text(archive.stderr)]);
      assert.deepEqual(await archive.exit, { exitCode: 0, signal: undefined });
      const sum = createHash("sha256").update(tar).digest("hex");
      assert.equal(said, `sha256 ${sum}\n`);
      const put = agent.applet(["put", `${folder}/in`]);
      put.stdin.end(tar);
      assert.equal(await text(put.stderr), `sha256 ${sum}\n`);
      assert.deepEqual(await put.exit, { exitCode: 0, signal: undefined });
      const listed = await Promise.all(["a", "in/copy"].map((name) => list(`${folder}/${name}`)));
      assert.deepEqual(listed[1], listed[0]);
      assert.ok(listed[0]?.some((line) => line.startsWith(`f 644 0 1234567890123456789 `)));
      for (const name of ["../out", "/out", "a/../../out", "l/out"]) {
        const attack = agent.applet(["put", `${folder}/in/copy`]);
        attack.stdin.end(Buffer.concat([tarFile(name, "evil"), Buffer.alloc(1024)]));
        assert.notEqual((await text(attack.stderr)).length, 0, name);
        assert.equal((await attack.exit).exitCode, 1, name);
      }
      assert.equal((await run(["sh", "-c", `ls ${folder}/out ${folder}/in/out /out`])).out, "");
    } finally {
      await run(["rm", "-rf", folder]);
    }
  });

  /** Without times of folders' own entries: type, mode, size of files, times, hashes. */
  async function list(path: string): Promise<string[]> {
    const listing = agent.applet(["list", path, "hash"]);
    return (await text(listing.stdout))
      .split("\0")
      .map((line) => (line.startsWith("d") ? line.replace(/^(d \d+) \d+/, "$1") : line))
      .sort();
  }

  it("tells of changes in a folder, also in folders that come later", async () => {
    const folder = (await run(["mktemp", "-d"])).out.trim();
    const watch = agent.applet(["watch", folder]);
    let seen = "";
    watch.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString("latin1");
    });
    await until(() => seen.includes("ready \0"));
    await run(["sh", "-c", `cd ${folder} && mkdir -p x/y && sleep 0.2 && echo 1 > x/y/z && rm x/y/z`]);
    await until(() => seen.includes("removed x/y/z\0"));
    assert.match(seen, /created x\0/);
    assert.match(seen, /changed x\/y\/z\0/);
    watch.close();
    await run(["rm", "-rf", folder]);
  });

  it("tells which ports are listened on", async () => {
    const listener = spawn(process.execPath, [
      "-e",
      "require('net').createServer().listen(0,'127.0.0.1',function(){console.log(this.address().port)})",
    ]);
    const portNumber = Number(String(await new Promise((told) => listener.stdout.once("data", told))));
    const ports = agent.applet(["ports"]);
    let seen = "";
    ports.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
    await until(() => seen.includes(`+ tcp 127.0.0.1 ${portNumber}\n`));
    listener.kill();
    await until(() => seen.includes(`- tcp 127.0.0.1 ${portNumber}\n`));
    ports.close();
  });
});

describe("a guest's answers that are not to be believed", () => {
  const hostile: Record<string, (port: Duplex, nonce: Buffer) => void> = {
    "no frames at all": (port, nonce) => port.write(Buffer.concat([mark(nonce), Buffer.alloc(64, 0x41)])),
    "a frame of four gigabytes": (port, nonce) =>
      port.write(Buffer.concat([mark(nonce), Buffer.from([255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0])])),
    "an empty greeting": (port, nonce) => port.write(Buffer.concat([mark(nonce), frame(1, 0, Buffer.alloc(0))])),
    "another's nonce": (port) => port.write(mark(Buffer.alloc(16))),
    "endless noise": (port) => port.write(Buffer.alloc(4_000_000, 0x56)),
  };
  for (const [name, say] of Object.entries(hostile)) {
    it(`refuses ${name}`, async () => {
      const { pair, peer } = sockets();
      peer.once("data", (hello: Buffer) => say(peer, hello.subarray(16, 32)));
      await assert.rejects(connectVivAgent(pair, { timeoutMs: 800 }), { code: /agent-(unavailable|failed)/ });
      peer.destroy();
    });
  }

  it("ends with a guest that sends more than it was allowed", async () => {
    const { pair, peer } = sockets();
    peer.once("data", (hello: Buffer) => peer.write(Buffer.concat([mark(hello.subarray(16, 32)), frame(1, 0, Buffer.from([1, 0, 0, 0]))])));
    const agent = await connectVivAgent(pair, { timeoutMs: 2000 });
    const running: VivProcess = agent.run({ words: ["x"] });
    for (let sent = 0; sent < 40; sent += 1) peer.write(frame(3, 1, Buffer.alloc(64 * 1024), 1));
    await assert.rejects(running.exit, { code: "agent-failed" });
    peer.destroy();
  });
});

describe("viv-agent in the starter guest", function () {
  this.timeout(180_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, "streams", { start: true });
  });
  after(() => home.dispose());

  async function open(params: Omit<Params<"machine.openExec">, "machine">): Promise<ExecSession> {
    const session = await client.openExec({ machine: "streams", ...params });
    assert.ok(session, "the guest has viv-agent");
    return session;
  }

  async function shell(line: string): Promise<string> {
    const session = await open({ command: ["sh", "-c", line] });
    session.stdin.end();
    session.stderr.resume();
    const out = await text(session.stdout);
    await session.exit;
    return out;
  }

  it("is what exec takes first", async () => {
    const result = await client.call("machine.exec", { machine: "streams", command: ["uname", "-s"] });
    assert.equal(result.way, "viv-agent");
    assert.equal(Buffer.from(result.stdoutBase64, "base64").toString(), "Linux\n");
  });

  it("streams: words come while the command runs, input goes in, the exit code comes back", async () => {
    const session = await open({ command: ["sh", "-c", "echo first; read line; echo got $line >&2; exit 5"] });
    const first = await new Promise<Buffer>((come) => session.stdout.once("data", come));
    assert.equal(first.toString(), "first\n");
    session.stdin.end("words\n");
    assert.equal(await text(session.stderr), "got words\n");
    assert.deepEqual(await session.exit, { exitCode: 5, signal: undefined });
  });

  it("carries what is larger than any buffer, unharmed", async () => {
    const data = randomBytes(3 * 1024 * 1024);
    const session = await open({ command: ["sh", "-c", "cat > /tmp/in && sha256sum < /tmp/in && cat /tmp/in >&2"] });
    session.stdin.end(data);
    const [sum, back] = await Promise.all([text(session.stdout), bytes(session.stderr)]);
    assert.equal(sum.split(" ")[0], createHash("sha256").update(data).digest("hex"));
    assert.ok(back.equals(data));
  });

  it("ends the command when the client hangs up", async () => {
    const session = await open({ command: ["sleep", "4711"] });
    // The brackets keep the shell that asks from finding itself.
    const found = () => shell("ps | grep 'sleep 471[1]' || true");
    await until(async () => (await found()) !== "");
    session.close();
    await until(async () => (await found()) === "");
  });

  it("goes on after vivd was killed", async () => {
    await killVivd(home);
    await client.closed;
    client = await home.client();
    assert.equal(await shell("echo again"), "again\n");
  });

  it("goes on after suspend and wake", async () => {
    await client.call("machine.suspend", { machine: "streams" });
    await client.call("machine.start", { machine: "streams" });
    assert.equal(await shell("echo awake"), "awake\n");
  });

  it("comes back when it is killed in the guest", async () => {
    await shell("kill -9 $(pidof viv-agent)").catch(() => undefined);
    await until(async () => (await client.call("machine.exec", { machine: "streams", command: ["true"] })).way === "viv-agent");
  });
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, "it did not come within 30 s");
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

function sockets(): { pair: Duplex; peer: Duplex } {
  const [pair, peer] = duplexPair();
  // A connection that is cut off on purpose is no error of the test's.
  for (const end of [pair, peer]) end.on("error", () => undefined);
  return { pair, peer };
}

function mark(nonce: Buffer): Buffer {
  return Buffer.concat([Buffer.from("VIVARIUM-GUEST\r\n"), nonce]);
}

function checkOf(length: number, type: number, channel: number, stream: number): number {
  return (0x5657 ^ length ^ (length >>> 16) ^ (type << 8) ^ channel ^ stream ^ (stream >>> 16)) & 0xffff;
}

function checkBytes(length: number, type: number): number[] {
  const check = checkOf(length, type, 0, 1);
  return [check & 0xff, check >>> 8];
}

function frame(type: number, stream: number, payload: Buffer, channel = 0): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(payload.length, 0);
  header[4] = type;
  header[5] = channel;
  header.writeUInt16LE(checkOf(payload.length, type, channel, stream), 6);
  header.writeUInt32LE(stream, 8);
  return Buffer.concat([header, payload]);
}

/** One file of an archive, header and content. */
function tarFile(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const body = Buffer.alloc(512);
  body.write(content);
  return Buffer.concat([header, body]);
}
