import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Duplex, duplexPair, type Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { connectVivAgent, type VivAgent } from "../../src/qemu/index.ts";
import { hostileArchive } from "../support/fuzz/archives.ts";
import { frame, hostileSession } from "../support/fuzz/frames.ts";
import { foundStatus, runApplet, type SanitizedAgent, sanitizedAgent } from "../support/fuzz/sanitizedAgent.ts";
import { seededRandom } from "../support/snapshotWalk.ts";

/** `npm run test:soak` takes a hundred times as many, and other seeds. */
const times = Number(process.env["VIVARIUM_FUZZ_TIMES"] ?? 1);
const firstSeed = Number(process.env["VIVARIUM_FUZZ_SEED"] ?? 1);
const archives = 300 * times;
const sessions = 40 * times;

/** viv-agent on this host, built with gcc's address and undefined-behaviour sanitizers, run as nobody. */
describe("viv-agent under hostile input", function () {
  this.timeout(60_000 + 60_000 * times);
  let sanitized: SanitizedAgent;
  before(async () => {
    sanitized = await sanitizedAgent();
  });
  afterEach(async () => assert.deepEqual(await sanitized.reports(), []));
  after(() => sanitized.dispose());

  for (const applet of ["put", "sync"] as const)
    it(`${applet} takes ${archives} hostile archives and writes nowhere else (seeds from ${firstSeed})`, async () => {
      const canary = join(sanitized.folder, "canary");
      await writeFile(canary, "sings", { mode: 0o666 });
      const before = (await readdir(sanitized.folder)).sort();
      const one = async (seed: number): Promise<number> => {
        const folder = join(sanitized.folder, `in-${seed}`);
        const input = hostileArchive(seed);
        const removed = Buffer.from(seed % 4 === 0 ? "../canary\0" : "gone\0a/b\0");
        const [words, bytes] =
          applet === "put"
            ? [["put", folder], input]
            : [["sync", folder, "any", "1"], Buffer.concat([number(removed.length), removed, input])];
        const { status, signal, said } = await runApplet(sanitized, words, bytes);
        assert.ok(signal === null && status !== null && status !== foundStatus && status <= 3, `seed ${seed}: ${status ?? signal} ${said}`);
        await rm(folder, { recursive: true, force: true });
        return status;
      };
      const statuses = await twoAtOnce(archives, (at) => one(firstSeed + at));
      if (applet === "put") assert.ok(statuses.filter((status) => status === 0).length > archives / 20, "hardly any archive was whole");
      assert.deepEqual((await readdir(sanitized.folder)).sort(), before);
      assert.equal(await readFile(canary, "utf8"), "sings");
    });

  describe("from its port", () => {
    let port: Duplex;
    let pid: number;
    let end: () => Promise<void>;

    before(() => {
      const child = spawn(sanitized.program, ["--port-fd", "3"], { ...sanitized.options, stdio: ["ignore", "inherit", "inherit", "pipe"] });
      port = child.stdio[3] as Duplex;
      port.on("error", () => undefined);
      pid = child.pid ?? 0;
      const ended = once(child, "exit");
      end = async () => {
        child.kill("SIGKILL");
        await ended;
      };
    });
    after(() => end());

    /** Another host on the same port: the one before hears no more. */
    async function newHost(): Promise<VivAgent> {
      port.removeAllListeners("data");
      const [host, near] = duplexPair();
      port.on("data", (chunk: Buffer) => near.write(chunk));
      near.on("data", (chunk: Buffer) => port.write(chunk));
      return connectVivAgent(host, { timeoutMs: 30_000 });
    }

    async function works(agent: VivAgent): Promise<void> {
      const running = agent.run({ words: ["echo", "alive"] });
      running.stderr.resume();
      assert.equal(await text(running.stdout), "alive\n");
      await running.exit;
    }

    /** Open descriptors and children that have not been taken leave of, when it has come to rest. */
    async function belongings(): Promise<{ descriptors: number; children: number }> {
      const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
      const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ").filter(Boolean).length;
      return { descriptors, children };
    }

    async function comesToRest(wanted: { descriptors: number; children: number }): Promise<void> {
      const until = Date.now() + 20_000;
      for (;;) {
        const has = await belongings();
        if (has.children <= wanted.children && has.descriptors <= wanted.descriptors) return;
        assert.ok(Date.now() < until, `${JSON.stringify(has)} instead of ${JSON.stringify(wanted)}`);
        await sleep(50);
      }
    }

    it(`${sessions} hosts that send anything: the next one is served, nothing is left behind`, async () => {
      const first = await newHost();
      await works(first);
      const wanted = await belongings();
      for (let at = 0; at < sessions; at += 1) {
        const random = seededRandom(firstSeed + at);
        port.write(hostileSession(random, 60));
        const agent = await newHost().catch((error: unknown) => {
          throw new Error(`seed ${firstSeed + at}: ${String(error)}`);
        });
        await works(agent);
      }
      await comesToRest(wanted);
    });

    it("three thousand streams at once: as many as there may be run, the others are refused", async () => {
      const agent = await newHost();
      const wanted = await belongings();
      const exec = (words: string[]) => agent.run({ words });
      const asleep = Array.from({ length: 64 }, () => exec(["sleep", "100"]));
      await Promise.all(asleep.map(({ started }) => started));
      // The host's own limit is 64 too: these go past it.
      const payload = execOf(["sleep", "100"]);
      port.write(Buffer.concat(Array.from({ length: 3000 }, (_, at) => frame("exec", 1_000_000 + at, payload))));
      assert.ok((await agent.ping(30_000)) >= 0);
      assert.equal((await belongings()).children, wanted.children + 64);
      for (const one of asleep) one.close();
      await comesToRest(wanted);
      await works(agent);
    });

    it("no window at all: nothing is said, the command is held, and ends with its host", async () => {
      const agent = await newHost();
      const wanted = await belongings();
      port.write(frame("exec", 77, execOf(["sh", "-c", "yes"], 0)));
      for (let grants = 0; grants < 1000; grants += 1) port.write(frame("window", 77, number(0)));
      await works(agent);
      assert.equal((await belongings()).children, wanted.children + 1);
      await works(await newHost());
      await comesToRest(wanted);
    });

    it("its memory stays what it was", async () => {
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
      assert.ok(resident < 128 * 1024, `${resident} kB with the sanitizers' own`);
    });
  });
});

/** EXEC as the host encodes it, with any credit. */
function execOf(words: readonly string[], credit = 1000): Buffer {
  const list = (items: readonly string[]) =>
    Buffer.concat([number(items.length), ...items.flatMap((item) => [number(item.length), Buffer.from(item)])]);
  return Buffer.concat([number(0), number(credit), number(0), number(0), number(0), list(words), list([])]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function twoAtOnce<T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> {
  const outcomes: T[] = [];
  const lane = async (from: number) => {
    for (let at = from; at < count; at += 2) outcomes.push(await work(at));
  };
  await Promise.all([lane(0), lane(1)]);
  return outcomes;
}
