import assert from "node:assert/strict";
import { mkdir, open, readFile, stat, truncate } from "node:fs/promises";
import {
  checkImage,
  convertImage,
  convertPercent,
  createImage,
  createOverlay,
  growImage,
  type ImageCommand,
  imageInfo,
  type ProgramOutcome,
  parseQcow2Header,
} from "../../src/qemu/index.ts";
import { runTool, tool } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

const mib = 1024 ** 2;

describe("qemu-img", function () {
  this.timeout(20_000);
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.dispose());

  function outcome(command: ImageCommand<unknown>): Promise<ProgramOutcome> {
    return runTool(command.program, command.arguments, world.folder);
  }

  async function run<T>(command: ImageCommand<T>): Promise<T> {
    return command.parse(await outcome(command));
  }

  async function header(file: string) {
    const path = world.path(file);
    const parsed = parseQcow2Header((await readFile(path)).subarray(0, 65_536), (await stat(path)).size);
    assert.ok(!("problem" in parsed), JSON.stringify(parsed));
    return parsed;
  }

  it("makes an image, and an overlay that names it by a relative path", async () => {
    await mkdir(world.path("sub"));
    await run(createImage("base.qcow2", "qcow2", 64 * mib));
    await run(
      createOverlay("sub/top.qcow2", { file: "../base.qcow2", format: "qcow2" }, 128 * mib, { clusterBytes: 128 * 1024, extendedL2: true }),
    );
    const info = await run(imageInfo("sub/top.qcow2", "qcow2"));
    assert.deepEqual(
      [info.format, info.virtualBytes, info.backingFile, info.backingFormat],
      ["qcow2", 128 * mib, "../base.qcow2", "qcow2"],
    );
    const { virtualBytes, backingFile, backingFormat, clusterBytes, externalData, corrupt } = await header("sub/top.qcow2");
    assert.deepEqual([virtualBytes, backingFile, backingFormat, clusterBytes], [128 * mib, "../base.qcow2", "qcow2", 128 * 1024]);
    assert.deepEqual([externalData, corrupt], [false, false]);
  });

  for (const name of ["-p.qcow2", "nbd:x.qcow2", "json:{}.qcow2", "a,b=c.qcow2", "ünï 数 'x'.qcow2"]) {
    it(`takes ${name} for a file's name`, async () => {
      await run(createImage(name, "qcow2", mib));
      await run(createOverlay("top.qcow2", { file: name, format: "qcow2" }));
      await run(growImage(name, "qcow2", 2 * mib));
      await run(convertImage({ file: "top.qcow2", format: "qcow2" }, { file: `copy-${name}`, format: "qcow2" }));
      assert.equal((await run(imageInfo(name, "qcow2"))).virtualBytes, 2 * mib);
      assert.equal((await header("top.qcow2")).backingFile?.replace(/^\.\//, ""), name);
    });
  }

  it("grows, checks and converts, and tells how far it is", async () => {
    await run(createImage("a.qcow2", "qcow2", mib));
    await run(growImage("a.qcow2", "qcow2", 8 * mib));
    assert.deepEqual(await run(checkImage("a.qcow2")), { sound: true, corruptions: 0, leaks: 0 });
    const convert = convertImage({ file: "a.qcow2", format: "qcow2" }, { file: "a.img", format: "raw" });
    const done = await outcome(convert);
    convert.parse(done);
    assert.equal(convertPercent(done.stdout), 100);
    assert.equal((await stat(world.path("a.img"))).size, 8 * mib);
  });

  it("finds a corrupt image", async () => {
    await run(createImage("a.qcow2", "qcow2", mib, { preallocation: "metadata" }));
    const before = await run(checkImage("a.qcow2"));
    assert.equal(before.sound, true);
    // The first entry of the first refcount block (cluster 2 in a fresh image): the header's cluster becomes free.
    const handle = await open(world.path("a.qcow2"), "r+");
    await handle.write(Buffer.alloc(2), 0, 2, 2 * 65_536);
    await handle.close();
    const after = await run(checkImage("a.qcow2"));
    assert.ok(!after.sound && after.corruptions > 0);
  });

  it("says what went wrong", async () => {
    await assert.rejects(run(imageInfo("none.qcow2", "qcow2")), { code: "not-found" });
    await run(createImage("a.img", "raw", mib));
    await assert.rejects(run(imageInfo("a.img", "qcow2")), { code: "damaged" });
    await assert.rejects(run(growImage("a.img", "qcow2", 2 * mib)), { code: "damaged" });
    assert.throws(() => createImage("a\nb", "raw", 1), { code: "invalid-definition" });
    const full = { exitCode: 1, stdout: "", stderr: "qemu-img: error while writing sector 0: No space left on device\n" };
    assert.throws(() => createImage("a", "raw", 1).parse(full), { code: "disk-full" });
    assert.throws(() => imageInfo("a", "raw").parse({ exitCode: 0, stdout: "{", stderr: "" }), { code: "failed" });
    assert.throws(() => imageInfo("a", "raw").parse({ exitCode: null, stdout: "", stderr: "" }), { code: "failed" });
  });

  it("tells that somebody holds the image", async () => {
    await run(createImage("a.qcow2", "qcow2", mib));
    const node = { driver: "qcow2", "node-name": "a", file: { driver: "file", filename: world.path("a.qcow2") } };
    const drive = ["-blockdev", JSON.stringify(node), "-device", "virtio-blk-pci,drive=a", "-pidfile", world.path("pid")];
    const qemu = await tool("qemu-system-x86_64");
    world.start(qemu, [
      ...qemu.dataDirectories.flatMap((folder) => ["-L", folder]),
      "-M",
      "q35",
      "-nodefaults",
      "-display",
      "none",
      "-S",
      ...drive,
    ]);
    while ((await readFile(world.path("pid"), "utf8").catch(() => "")) === "") await new Promise((wake) => setTimeout(wake, 5));
    await assert.rejects(run(growImage("a.qcow2", "qcow2", 2 * mib)), { code: "locked" });
    assert.equal((await run(imageInfo("a.qcow2", "qcow2"))).virtualBytes, mib);
  });
});

describe("qcow2 header", () => {
  const good = () => {
    const head = Buffer.alloc(512);
    head.writeUInt32BE(0x514649fb, 0);
    head.writeUInt32BE(3, 4);
    head.writeUInt32BE(16, 20);
    head.writeBigUInt64BE(10n << 30n, 24);
    head.writeUInt32BE(104, 100);
    return head;
  };
  const withBacking = (name: Buffer | string) => {
    const head = good();
    const bytes = Buffer.from(name);
    head.writeBigUInt64BE(112n, 8);
    head.writeUInt32BE(bytes.length, 16);
    bytes.copy(head, 112);
    return head;
  };
  const problem = (head: Buffer, size = 1_000_000) => {
    const parsed = parseQcow2Header(head, size);
    return "problem" in parsed ? parsed.problem : undefined;
  };

  it("reads what it should", () => {
    assert.equal(problem(good()), undefined);
    assert.equal(problem(withBacking("../ünï/base.qcow2")), undefined);
    assert.equal(problem(withBacking("C:\\images\\base.qcow2")), undefined);
  });

  const bad: Record<string, () => Buffer> = {
    "an empty file": () => Buffer.alloc(0),
    "another format": () => Buffer.alloc(512, "KDMV"),
    "a header cut short": () => good().subarray(0, 90),
    "a version of the future": () => good().fill(4, 7, 8),
    "impossible clusters": () => good().fill(60, 23, 24),
    "an impossible size": () => good().fill(0xff, 24, 32),
    "an unknown feature": () => good().fill(0x80, 79, 80),
    "a table beyond the end": () => good().fill(0xff, 42, 48),
    "a backing name beyond the header": () => withBacking("x").fill(0xff, 12, 16),
    "a json: backing file": () => withBacking('json:{"driver":"nbd"}'),
    "a protocol": () => withBacking("nbd+unix:///x?socket=/y"),
    "a name with a newline": () => withBacking("a\nb"),
    "a name that is not UTF-8": () => withBacking(Buffer.of(0x61, 0xff)),
  };
  for (const [what, make] of Object.entries(bad)) {
    it(`refuses ${what}`, () => assert.ok(problem(make())));
  }

  it("notices a cut image", async () => {
    const world = await makeWorld();
    const file = world.path("a.qcow2");
    await runTool("qemu-img", ["create", "-q", "-f", "qcow2", file, "1G"], world.folder);
    await truncate(file, 4096);
    assert.ok(problem(await readFile(file), 4096));
    await world.dispose();
  });

  it("never throws on noise", () => {
    for (let round = 0; round < 2000; round += 1) {
      const head = round % 2 ? withBacking("base.qcow2") : good();
      for (let change = 0; change < 4; change += 1) head[4 + Math.floor(Math.random() * 200)] = Math.floor(Math.random() * 256);
      parseQcow2Header(head, 1_000_000);
    }
  });
});
