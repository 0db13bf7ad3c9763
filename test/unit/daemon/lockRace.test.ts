import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const lockModule = join(import.meta.dirname, "../../../src/daemon/lock.ts");
const processes = join(import.meta.dirname, "../../../src/backends/index.ts");

/** A process that waits for the moment, tries for the lock, and keeps what it got until all have tried. */
const contender = `
const { takeLock } = await import(${JSON.stringify(lockModule)});
const { processStartTime } = await import(${JSON.stringify(processes)});
const [folder, moment] = process.argv.slice(1);
const self = { pid: process.pid, startTime: await processStartTime(process.pid) };
await new Promise((wake) => setTimeout(wake, Number(moment) - Date.now()));
const won = (await takeLock(folder, self)) !== undefined;
process.stdout.write(won ? "won" : "lost");
process.stdin.resume().once("end", () => process.exit(0));
`;

interface Contender {
  /** `won` or `lost`, as soon as it is known. */
  readonly outcome: Promise<string>;
  /** Lets it go: until then a winner is alive, however late the others are. */
  end(): Promise<void>;
}

function contend(folder: string, moment: number): Contender {
  const child = spawn(process.execPath, ["--input-type=module", "-e", contender, folder, String(moment)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  const ended = gone.then(() => "ended without a word");
  return {
    outcome: Promise.race([once(child.stdout, "data").then(([word]) => String(word)), ended]),
    async end() {
      child.stdin.end();
      await gone;
    },
  };
}

describe("the service's lock among processes", function () {
  this.timeout(60_000);
  for (const stale of ["not json", JSON.stringify({ pid: 999_999_999, startTime: "x" })]) {
    it(`goes to one of eight that find ${stale.slice(0, 8)}… at the same moment`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "viv-lock-"));
      try {
        await writeFile(join(folder, "vivd.lock"), stale);
        const moment = Date.now() + 4000;
        const contenders = Array.from({ length: 8 }, () => contend(folder, moment));
        const outcomes = await Promise.all(contenders.map(({ outcome }) => outcome));
        await Promise.all(contenders.map((each) => each.end()));
        assert.deepEqual(outcomes.sort(), [...Array.from({ length: 7 }, () => "lost"), "won"]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});
