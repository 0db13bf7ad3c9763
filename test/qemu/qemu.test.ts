import assert from "node:assert/strict";
import { copyFile, link, mkdir, mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { qemuPids } from "../support/faults.ts";
import { checkout, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { tool } from "../support/tools.ts";

/** A QEMU that is not there, too old, broken or tampered with. */
describe("the QEMU in use", function () {
  this.timeout(180_000);
  let folder: string;
  let home: TestHome | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-"));
  });
  afterEach(async () => {
    await home?.dispose();
    home = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  async function homeWith(environment: Record<string, string>): Promise<VivClient> {
    home = await testHome({ environment });
    return home.client();
  }

  /** Programs of a person's own: a shell script for each. */
  async function fakeQemu(script: string): Promise<string> {
    const bin = join(folder, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "qemu-system-x86_64"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const image = await tool("qemu-img");
    await writeFile(join(bin, "qemu-img"), `#!/bin/sh\n${asShell(image)} "$@"\n`, { mode: 0o755 });
    return bin;
  }

  /** The real QEMU, but for the machine itself, which `instead` replaces. */
  async function qemuThatRuns(instead: string): Promise<string> {
    const real = await tool("qemu-system-x86_64");
    const data = real.dataDirectories.map((directory) => `-L ${quote(directory)}`).join(" ");
    return `case " $* " in *" -pidfile "*) ${instead} ;; *" --version "*) ${asShell(real)} "$@" ;; *) ${asShell(real)} ${data} "$@" ;; esac`;
  }

  it("missing is said with the command that installs it; what needs none works", async () => {
    const client = await homeWith({
      VIVARIUM_DIST: folder,
      VIVARIUM_GUESTS: join(checkout, "dist", "guest"),
      VIVARIUM_QEMU_PATH: "",
      PATH: folder,
    });
    await assert.rejects(client.call("machine.create", { name: "none", image: "starter" }), {
      code: "qemu-missing",
      hint: /apt-get install/,
    });
    assert.deepEqual(await client.call("machine.list", {}), []);
    assert.ok((await client.call("image.list", {})).length > 0);
    const report = await client.call("host.report", {});
    assert.deepEqual([report.qemu, report.qemuProblem?.code], [null, "qemu-missing"]);
    assert.deepEqual(await readdir(join((home as TestHome).folder, "machines")), []);
  });

  it("too old is refused with its version and the oldest that works", async () => {
    const client = await homeWith({ VIVARIUM_QEMU_PATH: await fakeQemu('echo "QEMU emulator version 5.2.0"') });
    await assert.rejects(client.call("machine.create", { name: "old" }), {
      code: "qemu-too-old",
      message: /QEMU 5\.2\.0; Vivarium needs \d/,
      hint: /qemuPath/,
    });
  });

  it("that is something else is refused", async () => {
    const client = await homeWith({ VIVARIUM_QEMU_PATH: await fakeQemu('echo "GNU bash, version 5"') });
    await assert.rejects(client.call("machine.create", { name: "odd" }), { code: "qemu-missing", message: /not a QEMU.*GNU bash/ });
  });

  it("that cannot even start shows what it printed", async () => {
    const client = await homeWith({
      VIVARIUM_QEMU_PATH: await fakeQemu('echo "libfoo.so.1: cannot open shared object file" >&2; exit 127'),
    });
    await assert.rejects(client.call("machine.create", { name: "broken" }), {
      code: "qemu-crashed",
      message: /exit code 127.*libfoo\.so\.1/s,
    });
  });

  const crashes = {
    "exits at once with a word": {
      script: 'echo "qemu-system-x86_64: the moon is full" >&2; exit 3',
      says: /QEMU ended at once\. .*the moon is full/s,
    },
    "exits at once without a word": { script: "exit 1", says: /QEMU ended at once\. It said nothing/ },
    "dies by a signal": { script: 'echo "about to fall" >&2; kill -SEGV $$', says: /QEMU ended at once\. .*about to fall/s },
    "dies a moment later": { script: 'sleep 0.5; echo "late" >&2; exit 1', says: /QEMU ended at once\. .*late/s },
  };
  for (const [what, { script, says }] of Object.entries(crashes)) {
    it(`that ${what} makes the machine failed with QEMU's own words, and starting again is possible`, async () => {
      const client = await homeWith({ VIVARIUM_QEMU_PATH: await fakeQemu(await qemuThatRuns(script)) });
      await starterMachine(client, "crash");
      for (const attempt of [1, 2]) {
        await assert.rejects(
          client.call("machine.start", { machine: "crash" }),
          { code: "qemu-crashed", message: says, hint: /command\.txt/ },
          `attempt ${attempt}`,
        );
        const shown = await client.call("machine.show", { machine: "crash" });
        assert.ok(shown.status.state === "failed", shown.state);
        assert.match(shown.status.message, says);
        assert.equal(shown.pid, null);
      }
      assert.equal((await client.call("machine.stop", { machine: "crash" })).state, "stopped");
      await client.call("machine.remove", { machine: "crash" });
      assert.deepEqual(await qemuPids((home as TestHome).folder), []);
    });
  }

  it("that only hangs is given up and ended, when the start is cancelled", async () => {
    const client = await homeWith({ VIVARIUM_QEMU_PATH: await fakeQemu(await qemuThatRuns("exec sleep 600")) });
    await starterMachine(client, "hang");
    const abort = new AbortController();
    const starting = client.call("machine.start", { machine: "hang" }, { signal: abort.signal });
    const pid = await runPid(client);
    await assert.rejects(client.call("machine.remove", { machine: "hang" }), { code: "wrong-state" });
    abort.abort();
    await assert.rejects(starting, { code: "cancelled" });
    const shown = await client.call("machine.show", { machine: "hang" });
    assert.deepEqual([shown.state, shown.pid], ["stopped", null]);
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });

  async function runPid(client: VivClient): Promise<number> {
    for (;;) {
      const { pid } = await client.call("machine.show", { machine: "hang" });
      if (pid !== null) return pid;
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }

  it("bundled, with one byte changed, is never run; with the byte put right it works without a new service", async () => {
    const shipped = join(checkout, "dist", "bundle", `${process.platform}-${process.arch}`);
    for (const name of await readdir(shipped)) {
      if (name.startsWith("qemu.")) await copyFile(join(shipped, name), join(folder, name));
      else await link(join(shipped, name), join(folder, name)).catch(() => copyFile(join(shipped, name), join(folder, name)));
    }
    const part = join(folder, "qemu.tar.br");
    const middle = Math.floor((await stat(part)).size / 2);
    await flip(part, middle);
    home = await testHome({ environment: { VIVARIUM_BUNDLE: folder, VIVARIUM_QEMU_PATH: "" } });
    // Its own bin: the one that tests share is unpacked already.
    await rm(join(home.folder, "bin"));
    const client = await home.client();
    await assert.rejects(client.call("machine.create", { name: "tampered" }), {
      code: "bundle-damaged",
      message: /qemu\.tar\.br.*SHA-256/,
      hint: /Install Vivarium again/,
    });
    assert.deepEqual(await readdir(join(home.folder, "machines")), []);
    await flip(part, middle);
    await client.call("machine.create", { name: "whole" });

    const emulator = await emulatorFile(join(home.folder, "bin"));
    const before = await readFile(emulator);
    await flip(emulator, Math.floor(before.length / 2));
    await client.call("daemon.stop", {});
    await client.closed;
    const next = await home.client();
    await next.call("machine.create", { name: "mended" });
    assert.ok(before.equals(await readFile(await emulatorFile(join(home.folder, "bin")))), "the changed emulator was not replaced");
  });
});

async function emulatorFile(bin: string): Promise<string> {
  const found = (await readdir(bin, { recursive: true })).find((path) => path.endsWith("/qemu-system-x86_64"));
  assert.ok(found, "no emulator in the unpacked bundle");
  return join(bin, found);
}

async function flip(file: string, offset: number): Promise<void> {
  const handle = await open(file, "r+");
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, offset);
  await handle.write(Buffer.of((byte[0] ?? 0) ^ 0xff), 0, 1, offset);
  await handle.close();
  await utimes(file, new Date(), new Date());
}

function asShell({
  file,
  argsPrefix,
  env,
}: {
  file: string;
  argsPrefix: readonly string[];
  env: Readonly<Record<string, string>>;
}): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${quote(value)}`);
  return ["exec", "env", ...variables, quote(file), ...argsPrefix.map(quote)].join(" ");
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
