import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { makeQcow2 } from "../../src/machine/index.ts";
import { type NewQcow2, parseQcow2Header } from "../../src/qemu/index.ts";
import { runTool } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

const kib = 1024;
const gib = 1024 ** 3;

describe("an empty qcow2 written by us", function () {
  this.timeout(60_000);
  let world: World;
  before(async () => {
    world = await makeWorld();
  });
  after(() => world.dispose());

  async function qemuImg(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await runTool("qemu-img", args, world.folder);
    assert.equal(exitCode, 0, `qemu-img ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }

  const sizes: [string, NewQcow2][] = [
    ["nothing", { virtualBytes: 0 }],
    ["one sector", { virtualBytes: 512 }],
    ["20 GiB", { virtualBytes: 20 * gib }],
    ["an odd number of sectors", { virtualBytes: 20 * gib + 3 * 512 }],
    ["4 TiB: the last that one cluster of L1 covers", { virtualBytes: 4096 * gib }],
    ["5 TiB", { virtualBytes: 5120 * gib }],
    ["512 byte clusters: many refcount blocks", { virtualBytes: gib, clusterBytes: 512 }],
    ["512 byte clusters, as large as they go", { virtualBytes: 128 * gib, clusterBytes: 512 }],
    ["4 KiB clusters", { virtualBytes: 3 * gib, clusterBytes: 4 * kib }],
    ["2 MiB clusters", { virtualBytes: 900 * gib, clusterBytes: 2048 * kib }],
    ["subclusters", { virtualBytes: 20 * gib, clusterBytes: 128 * kib, extendedL2: true }],
    ["the smallest clusters with subclusters", { virtualBytes: 20 * gib, clusterBytes: 16 * kib, extendedL2: true }],
  ];
  for (const [index, [what, image]] of sizes.entries()) {
    it(`is sound to qemu-img: ${what}`, async () => {
      const name = `size-${index}.qcow2`;
      await makeQcow2(world.path(name), image);
      const info = JSON.parse(await qemuImg("info", "--output=json", "-f", "qcow2", name)) as Record<string, unknown>;
      assert.deepEqual([info["virtual-size"], info["cluster-size"]], [image.virtualBytes, image.clusterBytes ?? 65_536]);
      const check = JSON.parse(await qemuImg("check", "--output=json", "-f", "qcow2", name)) as Record<string, unknown>;
      assert.deepEqual([check["check-errors"], check["leaks"] ?? 0, check["corruptions"] ?? 0], [0, 0, 0]);
      // And it can be written to, from its first sector to its last.
      for (const offset of image.virtualBytes === 0 ? [] : [0, image.virtualBytes - 512])
        await qemuImg("bench", "-q", "-w", "-c", "1", "-s", "512", "-o", String(offset), "-f", "qcow2", name);
      await qemuImg("check", "-q", "-f", "qcow2", name);
    });
  }

  it("lies over another image by a relative name, and shows its content", async () => {
    await writeFile(world.path("base.raw"), Buffer.alloc(128 * kib, 0x5a));
    await mkdir(world.path("layers"));
    await makeQcow2(world.path("layers/one.qcow2"), { virtualBytes: 128 * kib, backing: { file: "../base.raw", format: "raw" } });
    await makeQcow2(world.path("layers/two.qcow2"), { virtualBytes: 256 * kib, backing: { file: "one.qcow2", format: "qcow2" } });
    const parsed = parseQcow2Header(await readFile(world.path("layers/two.qcow2")), (await stat(world.path("layers/two.qcow2"))).size);
    assert.ok(!("problem" in parsed));
    assert.deepEqual([parsed.backingFile, parsed.backingFormat, parsed.virtualBytes], ["one.qcow2", "qcow2", 256 * kib]);
    await qemuImg("convert", "-f", "qcow2", "-O", "raw", "layers/two.qcow2", "out.raw");
    const content = await readFile(world.path("out.raw"));
    assert.ok(content.subarray(0, 128 * kib).every((byte) => byte === 0x5a) && content.subarray(128 * kib).every((byte) => byte === 0));
  });

  it("takes the longest name that qcow2 allows, in any language", async () => {
    const name = `${"ü".repeat(100)}/${"数".repeat(80)}/${"x".repeat(200)}/base.raw`;
    await mkdir(dirname(world.path(name)), { recursive: true });
    await writeFile(world.path(name), Buffer.alloc(4096));
    await makeQcow2(world.path("named.qcow2"), { virtualBytes: 4096, backing: { file: name, format: "raw" } });
    const info = JSON.parse(await qemuImg("info", "--output=json", "-f", "qcow2", "named.qcow2")) as Record<string, unknown>;
    assert.equal(info["backing-filename"], name);
    await qemuImg("check", "-q", "-f", "qcow2", "named.qcow2");
  });

  it("never writes over a file, and leaves none behind that it could not make", async () => {
    await makeQcow2(world.path("once.qcow2"), { virtualBytes: gib });
    await assert.rejects(makeQcow2(world.path("once.qcow2"), { virtualBytes: gib }), /EEXIST/);
    for (const bad of [
      { virtualBytes: 100 },
      { virtualBytes: 2 ** 60 },
      { virtualBytes: 2 ** 50 + 512, clusterBytes: 2 ** 21 },
      { virtualBytes: gib, clusterBytes: 3000 },
      { virtualBytes: gib, clusterBytes: 4096, extendedL2: true },
      { virtualBytes: gib, clusterBytes: 512, backing: { file: "x".repeat(600), format: "raw" as const } },
      { virtualBytes: gib, backing: { file: "nbd:host", format: "raw" as const } },
    ])
      await assert.rejects(makeQcow2(world.path("never.qcow2"), bad), { code: "usage" });
    await assert.rejects(stat(world.path("never.qcow2")), { code: "ENOENT" });
  });

  it("costs less than a fifth of qemu-img", async () => {
    await makeQcow2(world.path("base.qcow2"), { virtualBytes: 20 * gib });
    const median = async (work: (round: number) => Promise<unknown>) => {
      const times: number[] = [];
      for (let round = 0; round < 9; round += 1) {
        const start = performance.now();
        await work(round);
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[4] ?? Number.NaN;
    };
    const ours = await median((round) =>
      makeQcow2(world.path(`ours-${round}.qcow2`), { virtualBytes: 20 * gib, backing: { file: "base.qcow2", format: "qcow2" } }),
    );
    const theirs = await median((round) =>
      qemuImg("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2", `theirs-${round}.qcow2`),
    );
    assert.ok(ours < theirs / 5, `ours ${ours.toFixed(1)} ms, qemu-img ${theirs.toFixed(1)} ms`);
  });
});
