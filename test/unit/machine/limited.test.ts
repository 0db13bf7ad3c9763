import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Program, Toolchain } from "../../../src/backends/index.ts";
import { type Limits, runLimited } from "../../../src/machine/index.ts";
import type { ImageCommand } from "../../../src/qemu/index.ts";

/** Programs of the system in qemu-img's place: what is tried is what surrounds it. */
describe("a limited qemu-img", () => {
  const limits: Limits = { fileBytes: 1024 ** 2, cpuSeconds: 7 };
  const { signal } = new AbortController();
  const output: ImageCommand<string> = { program: "qemu-img", arguments: [], parse: ({ stdout }) => stdout };

  function instead(file: string, ...argsPrefix: string[]): Toolchain {
    const program: Program = { file, argsPrefix, env: {} };
    return { program: () => program } as unknown as Toolchain;
  }

  it("has limits of time, memory, file size and open files, and dumps no core", async () => {
    const text = await runLimited(instead("/bin/cat", "/proc/self/limits"), output, limits, { signal });
    for (const limit of [
      /cpu time\s+7\s/,
      /file size\s+1048576\s/,
      /address space\s+2147483648\s/,
      /open files\s+64\s/,
      /core file size\s+0\s/,
    ])
      assert.match(text, limit);
  });

  it("runs in an empty folder, which is gone afterwards", async () => {
    const text = await runLimited(instead("/bin/sh", "-c", "pwd; ls -A"), output, limits, { signal });
    assert.match(text, /^\S+vivarium-\S+$/);
    assert.equal(existsSync(text.trim()), false);
  });

  it("is ended by its limits, as what it is: a hostile image", async () => {
    const busy = runLimited(instead("/bin/sh", "-c", "while :; do :; done"), output, { ...limits, cpuSeconds: 1 }, { signal });
    await assert.rejects(busy, { code: "untrusted-input" });
    const file = `${tmpdir()}/vivarium-large-${process.pid}`;
    const large = runLimited(instead("/bin/dd", "if=/dev/zero", `of=${file}`, "bs=1M", "count=3"), output, limits, { signal });
    await assert.rejects(large, { code: "untrusted-input" }).finally(() => rmSync(file, { force: true }));
  }).timeout(10_000);

  it("ends when it is cancelled", async () => {
    const abort = new AbortController();
    const asleep = runLimited(instead("/bin/sleep", "60"), output, limits, { signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(asleep, { code: "cancelled" });
  });
});
