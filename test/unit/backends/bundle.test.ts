import assert from "node:assert/strict";
import { access, chmod, mkdtemp, readdir, readFile, rm, stat, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findToolchain, localHost, type Toolchain, unpackedToolchain } from "../../../src/backends/index.ts";
import { makeBundle } from "./bundle-fixture.ts";

describe("the bundle", () => {
  let world: string;
  let bundle: string;
  let home: string;
  let root: string;

  beforeEach(async () => {
    world = await mkdtemp(join(tmpdir(), "vivarium-bundle-"));
    [bundle, home] = [join(world, "bundle"), join(world, "home")];
    root = join(home, "bin", (await makeBundle(bundle)).id);
  });
  afterEach(() => rm(world, { recursive: true, force: true }));

  function open(): Promise<Toolchain> {
    const host = { ...localHost(), env: { ...process.env, VIVARIUM_BUNDLE: bundle } };
    return findToolchain({ host, home });
  }

  async function changeByte(file: string, at: number): Promise<void> {
    const bytes = await readFile(file);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(file, bytes);
  }

  /** Neither in its place nor half unpacked beside it; other parts may have been good. */
  async function assertNoPartOf(part: string): Promise<void> {
    assert.deepEqual(
      (await readdir(join(home, "bin"))).filter((name) => name.startsWith(".")),
      [],
    );
    assert.equal((await readdir(root).catch((): string[] => [])).includes(part), false);
  }

  it("is unpacked into the home, programs executable, data not", async () => {
    const toolchain = await open();
    assert.equal(toolchain.source, "bundle");
    assert.equal(toolchain.version, "10.0.13");
    assert.equal(toolchain.id, "0123456789ab");
    const { file } = toolchain.program("qemu-system-x86_64");
    assert.equal(file, join(root, "qemu/bin/qemu-system-x86_64"));
    assert.equal((await stat(file)).mode & 0o777, 0o755);
    assert.equal((await stat(join(root, "qemu/share/bios.bin"))).mode & 0o777, 0o644);
    assert.deepEqual(toolchain.dataDirectories, [join(root, "qemu/share")]);
    assert.deepEqual(toolchain.firmware("x86_64", "bios"), { code: join(root, "qemu/share/bios.bin") });
    assert.deepEqual((await readdir(join(home, "bin"))).sort(), ["0123456789ab"]);
  });

  it("is unpacked once", async () => {
    await open();
    const before = await stat(join(root, "qemu"));
    await open();
    assert.equal((await stat(join(root, "qemu"))).ino, before.ino);
  });

  it("is taken from a read-only folder", async () => {
    await chmod(bundle, 0o555);
    await open();
    await chmod(bundle, 0o755);
  });

  for (const [what, damage] of Object.entries({
    "a program is missing": (file: string) => unlink(file),
    "a program is cut short": (file: string) => truncate(file, 3),
    "a program was written to": (file: string) => changeByte(file, 5),
    "a program was touched": (file: string) => utimes(file, 1, 1),
  })) {
    it(`is unpacked again where ${what}`, async () => {
      const file = (await open()).program("qemu-system-x86_64").file;
      const good = await readFile(file);
      await damage(file);
      await open();
      assert.deepEqual(await readFile(file), good);
      assert.deepEqual((await readdir(join(home, "bin"))).sort(), ["0123456789ab"]);
    });
  }

  it("with one byte of a part changed is refused, with a hint, and nothing is left behind", async () => {
    await changeByte(join(bundle, "qemu.tar.br"), 100);
    await assert.rejects(open(), {
      code: "bundle-damaged",
      message: /qemu\.tar\.br is not what was shipped/,
      hint: /Install Vivarium again/,
    });
    await assertNoPartOf("qemu");
  });

  it("with a part cut short or missing is refused", async () => {
    await truncate(join(bundle, "runtime.tar.br"), 10);
    await assert.rejects(open(), { code: "bundle-damaged", message: /10 bytes/ });
    await unlink(join(bundle, "runtime.tar.br"));
    await assert.rejects(open(), { code: "bundle-damaged", message: /is missing/ });
  });

  it("whose manifest is broken is refused", async () => {
    await writeFile(join(bundle, "manifest.json"), "{");
    await assert.rejects(open(), { code: "bundle-damaged", message: /manifest\.json, cannot be understood/ });
  });

  it("whose files are not those of the manifest is refused", async () => {
    const manifest = await makeBundle(bundle);
    const file = manifest.files["qemu/bin/qemu-img"];
    assert.ok(file);
    manifest.files["qemu/bin/qemu-img"] = { ...file, sha256: "0".repeat(64) };
    await writeFile(join(bundle, "manifest.json"), JSON.stringify(manifest));
    await assert.rejects(open(), { code: "bundle-damaged", message: /qemu\/bin\/qemu-img did not come out/ });
    await assertNoPartOf("qemu");
  });

  it("may be unpacked by many at the same time", async () => {
    const all = await Promise.all(Array.from({ length: 8 }, open));
    for (const toolchain of all) await access(toolchain.program("qemu-img").file);
    assert.deepEqual((await readdir(join(home, "bin"))).sort(), ["0123456789ab"]);
  });

  it("may be repaired by many at the same time", async () => {
    const file = (await open()).program("qemu-img").file;
    await unlink(file);
    await Promise.all(Array.from({ length: 8 }, open));
    await access(file);
    assert.deepEqual((await readdir(join(home, "bin"))).sort(), ["0123456789ab"]);
  });

  it("unpacks the other architecture's emulator when it is first asked for", async () => {
    const toolchain = await open();
    assert.ok(toolchain.has("qemu-system-aarch64"));
    assert.equal(toolchain.firmware("aarch64", "uefi"), undefined);
    const { file } = await toolchain.emulator("aarch64");
    await access(file);
    assert.ok(toolchain.firmware("aarch64", "uefi"));
    assert.equal(toolchain.dataDirectories.length, 2);
  });

  it("without that pack says which file to put where", async () => {
    await unlink(join(bundle, "emulator-aarch64.tar.br"));
    const toolchain = await open();
    assert.equal(toolchain.has("qemu-system-aarch64"), false);
    await assert.rejects(toolchain.emulator("aarch64"), { code: "qemu-missing", hint: /emulator-aarch64\.tar\.br/ });
  });

  it("of an earlier Vivarium is found by its id after its parts are gone", async () => {
    await open();
    await rm(bundle, { recursive: true });
    const toolchain = await unpackedToolchain(home, "0123456789ab");
    await access(toolchain.program("qemu-img").file);
    await assert.rejects(unpackedToolchain(home, "ffffffffffff"), { code: "host-cannot", message: /unpacked: 0123456789ab/ });
    await unlink(toolchain.program("qemu-img").file);
    await assert.rejects(unpackedToolchain(home, "0123456789ab"), { code: "bundle-damaged" });
  });
});
