import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { unpack } from "../../../src/copy/index.ts";
import { hostileArchive } from "../../support/fuzz/archives.ts";

const archives = 200 * Number(process.env["VIVARIUM_FUZZ_TIMES"] ?? 1);
const firstSeed = Number(process.env["VIVARIUM_FUZZ_SEED"] ?? 1);

describe("a guest's archive on this host", function () {
  this.timeout(60_000 + archives * 50);

  it(`${archives} hostile ones: taken or refused in words, and nothing is written elsewhere (seeds from ${firstSeed})`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "viv-unpack-"));
    const canary = join(folder, "canary");
    await writeFile(canary, "sings");
    let taken = 0;
    try {
      for (let seed = firstSeed; seed < firstSeed + archives; seed += 1) {
        const into = join(folder, "in", String(seed));
        await mkdir(into, { recursive: true });
        const words = await unpack(Readable.from([hostileArchive(seed)]), into).then(
          () => "taken",
          (error: Error & { code?: string }) => error.code ?? error.message,
        );
        if (words === "taken") taken += 1;
        else assert.match(words, /^(untrusted-input|io-error|E[A-Z]+)$/, `seed ${seed}`);
        assert.deepEqual((await readdir(folder)).sort(), ["canary", "in"], `seed ${seed}`);
        assert.equal(await readFile(canary, "utf8"), "sings", `seed ${seed}`);
      }
    } finally {
      // What was refused half-way may still be closing a file.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
    assert.ok(taken > archives / 40, `only ${taken} were whole`);
  });
});
