import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findToolchain, localHost, type Toolchain } from "../../../src/backends/index.ts";
import { makeBundle } from "./bundle-fixture.ts";

describe("which QEMU", () => {
  let world: string;
  beforeEach(async () => {
    world = await mkdtemp(join(tmpdir(), "vivarium-find-"));
  });
  afterEach(() => rm(world, { recursive: true }));

  async function script(path: string, body: string): Promise<string> {
    const file = join(world, path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
    return file;
  }

  const version = (text: string): string => `echo "QEMU emulator version ${text}"`;

  function find(qemuPath?: string, bundle?: string): Promise<Toolchain> {
    const host = { ...localHost(), env: { VIVARIUM_BUNDLE: bundle }, which: async () => undefined };
    return findToolchain({ host, home: join(world, "home"), qemuPath, bundlesFolder: join(world, "none") });
  }

  it("is the setting's before the bundle's", async () => {
    await makeBundle(join(world, "bundle"));
    await script("mine/qemu-system-x86_64", version("9.2.1"));
    assert.equal((await find(join(world, "mine"), join(world, "bundle"))).source, "setting");
    assert.equal((await find(undefined, join(world, "bundle"))).source, "bundle");
    assert.equal((await find("", join(world, "bundle"))).source, "bundle");
  });

  it("may be named by folder, by prefix or by emulator", async () => {
    const file = await script("prefix/bin/qemu-system-x86_64", version("10.0.13"));
    for (const setting of [file, join(world, "prefix"), join(world, "prefix/bin")]) {
      const toolchain = await find(setting);
      assert.equal(toolchain.program("qemu-system-x86_64").file, file);
      assert.equal(toolchain.version, "10.0.13");
      assert.match(toolchain.id, /^[0-9a-f]{16}$/);
    }
  });

  it("has another id when the emulator has another content", async () => {
    const setting = await script("mine/qemu-system-x86_64", version("10.0.13"));
    const first = (await find(setting)).id;
    await script("mine/qemu-system-x86_64", version("10.0.14"));
    assert.notEqual((await find(setting)).id, first);
  });

  it("that crashes at once is refused with what it printed", async () => {
    const setting = await script("mine/qemu-system-x86_64", 'echo "cannot find libpixman" >&2\nexit 1');
    await assert.rejects(find(setting), {
      code: "qemu-crashed",
      message: /exit code 1.*\ncannot find libpixman/,
      hint: /vivarium\.qemuPath/,
    });
  });

  it("that dies of a signal is refused with its name", async () => {
    const setting = await script("mine/qemu-system-x86_64", "kill -SEGV $$");
    await assert.rejects(find(setting), { code: "qemu-crashed", message: /SIGSEGV/ });
  });

  it("that is too old is refused with its version", async () => {
    const setting = await script("mine/qemu-system-x86_64", version("5.2.0 (Debian 1:5.2+dfsg-11)"));
    await assert.rejects(find(setting), {
      code: "qemu-too-old",
      message: /is QEMU 5\.2\.0; Vivarium needs 7\.2/,
      hint: /apt-get install|brew|winget/,
    });
  });

  it("that is something else is refused", async () => {
    const setting = await script("mine/qemu-system-x86_64", "echo GNU bash");
    await assert.rejects(find(setting), { code: "qemu-missing", message: /is not a QEMU/ });
  });

  it("that may not be executed is refused", async () => {
    const setting = await script("mine/qemu-system-x86_64", version("10.0.13"));
    await chmod(setting, 0o644);
    await assert.rejects(find(setting), { code: "qemu-crashed", message: /EACCES/ });
  });

  it("is never another one when the setting is wrong", async () => {
    await makeBundle(join(world, "bundle"));
    await mkdir(join(world, "empty"));
    await writeFile(join(world, "qemu"), "");
    for (const [setting, message] of [
      ["gone", /is not there/],
      ["empty", /holds no qemu-system/],
      ["qemu", /neither a folder nor/],
    ] as const) {
      await assert.rejects(find(join(world, setting), join(world, "bundle")), { code: "qemu-missing", message });
    }
  });

  it("when there is none comes with the command that installs one", async () => {
    await assert.rejects(find(), { code: "qemu-missing", hint: /apt-get install qemu-system-x86/ });
  });

  it("a program that this QEMU lacks is named", async () => {
    const toolchain = await find(await script("mine/qemu-system-x86_64", version("10.0.13")));
    assert.equal(toolchain.has("qemu-img"), false);
    assert.throws(() => toolchain.program("qemu-img"), { code: "qemu-missing", message: /qemu-img was not found/ });
    await assert.rejects(toolchain.emulator("aarch64"), { code: "qemu-missing" });
  });
});
