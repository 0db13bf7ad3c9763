import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { connectVivAgent, type VivProcess } from "../../../src/qemu/index.ts";
import { encodeHeader, type FrameType, frameTypes } from "../../../src/qemu/vivAgent/frames.ts";
import { seededRandom } from "../../support/snapshotWalk.ts";

const sessions = 150 * Number(process.env["VIVARIUM_FUZZ_TIMES"] ?? 1);
const firstSeed = Number(process.env["VIVARIUM_FUZZ_SEED"] ?? 1);

/** A guest that greets as viv-agent does and then says anything in frames that are right in form. */
describe("viv-agent's client, with a hostile guest", function () {
  this.timeout(60_000 + sessions * 100);

  it(`${sessions} guests: every command ends, nothing is thrown elsewhere, no more is held than was allowed (seeds from ${firstSeed})`, async () => {
    const astray: unknown[] = [];
    const note = (error: unknown) => void astray.push(error);
    process.on("unhandledRejection", note);
    try {
      for (let seed = firstSeed; seed < firstSeed + sessions; seed += 1) await oneGuest(seed);
      await new Promise((wake) => setImmediate(wake));
    } finally {
      process.off("unhandledRejection", note);
    }
    assert.deepEqual(astray, []);
  });
});

async function oneGuest(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const [host, guest] = duplexPair();
  guest.on("error", () => undefined);
  greet(guest);
  const agent = await connectVivAgent(host, { timeoutMs: 5000 });
  const commands: VivProcess[] = [];
  for (let at = 0; at < 8; at += 1) commands.push(at % 2 === 0 ? agent.run({ words: ["x"] }) : agent.applet(["list", "/"]));
  for (const [at, one] of commands.entries()) {
    one.stdin.write(Buffer.alloc(200_000));
    // Half of them have a reader.
    if (at % 2 === 0) one.stdout.resume();
  }
  for (let frames = 0; frames < 60; frames += 1) {
    const stream = random.below(10);
    const payload = Buffer.alloc(random.pick([0, 1, 3, 4, 7, 8, 60, 30_000, 65_536]), random.below(256));
    const type = random.pick(Object.keys(frameTypes) as FrameType[]);
    guest.write(Buffer.concat([encodeHeader(type, stream, payload.length, random.below(4)), payload]));
    if (random.below(40) === 0) guest.write(Buffer.from([random.below(256)]));
  }
  await new Promise((wake) => setImmediate(wake));
  for (const one of commands) {
    const held = one.stdout.readableLength + one.stderr.readableLength;
    assert.ok(held <= 1.5 * 1024 * 1024, `seed ${seed}: ${held} bytes are held`);
  }
  agent.dispose();
  guest.destroy();
  const ends = await Promise.allSettled(commands.map(({ exit }) => exit));
  for (const end of ends)
    if (end.status === "rejected") assert.equal((end.reason as Error).name, "VivError", `seed ${seed}: ${String(end.reason)}`);
}

function greet(guest: Duplex): void {
  guest.once("data", (mark: Buffer) => {
    const hello = Buffer.from("\x01\0\0\0build\nexec,list\n", "latin1");
    guest.write(Buffer.concat([Buffer.from("VIVARIUM-GUEST\r\n"), mark.subarray(16, 32), encodeHeader("hello", 0, hello.length), hello]));
    guest.resume();
  });
}
