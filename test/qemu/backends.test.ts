import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backend, builtInAccelerators } from "../../src/backends/accelerators.ts";
import {
  type AcceleratorName,
  type Architecture,
  findToolchain,
  hostReport,
  isAlive,
  launch,
  localHost,
  type Program,
  processor,
  type Toolchain,
} from "../../src/backends/index.ts";
import { payloadFile } from "../../src/backends/payload.ts";
import { probe } from "../../src/backends/probe.ts";

const dist = join(import.meta.dirname, "../../dist");
const host = localHost();

describe("backends on this host, with real QEMU", () => {
  let home: string;
  let toolchain: Toolchain;

  before(async function () {
    this.timeout(60_000);
    home = await mkdtemp(join(tmpdir(), "vivarium-backends-"));
    toolchain = await findToolchain({ host, home });
  });
  after(() => rm(home, { recursive: true, force: true }));

  for (const architecture of ["x86_64", "aarch64"] as const) {
    it(`the ${architecture} probe guest runs to its end under emulation`, async function () {
      this.timeout(60_000); // unpacks the other architecture's emulator
      const result = await probe(backend("tcg"), {
        host,
        emulator: await toolchain.emulator(architecture),
        dataDirectories: toolchain.dataDirectories,
        qemuVersion: toolchain.version,
        architecture,
        payloadPath: await payloadFile(join(home, "cache"), architecture),
        budgetMs: 8_000,
      });
      assert.equal(result.outcome, "works", JSON.stringify(result));
    });
  }

  it("the verdict comes within 3 s, and from the cache within 0.1 s", async () => {
    const [first, firstMs] = await timed(() => hostReport({ host, toolchain, home, refresh: true }));
    assert.ok(firstMs <= 3_000, `${firstMs} ms`);
    assert.ok(first.probeMs > 0);
    const [second, secondMs] = await timed(() => hostReport({ host, toolchain, home }));
    assert.equal(second.probeMs, 0);
    assert.ok(secondMs <= 100, `${secondMs} ms`);
    assert.deepEqual(second.accelerators, first.accelerators);
  });

  it("the verdict agrees with a 20 s boot of the starter kernel under each accelerator", async function () {
    this.timeout(120_000);
    const { architecture } = await processor(host);
    const emulator = await toolchain.emulator(architecture);
    const report = await hostReport({ host, toolchain, home });
    const compiled = await builtInAccelerators(host, emulator);
    const judged = report.accelerators.filter(({ name }) => compiled.includes(name));
    assert.ok(judged.some(({ name }) => name === "tcg"));
    for (const { name, works, score, reason } of judged) {
      if (!works && score !== undefined) continue; // it runs, only slower than emulation: a boot cannot tell
      const booted = await bootsStarter(emulator, architecture, name);
      assert.equal(works, booted, `${name}: the probe says ${works} (${reason}), the starter kernel says ${booted}`);
    }
  });

  async function bootsStarter(emulator: Program, architecture: Architecture, name: AcceleratorName): Promise<boolean> {
    const guest = join(dist, "guest", architecture);
    const { append } = JSON.parse(await readFile(join(guest, "image.json"), "utf8")) as { append: string };
    let serial = "";
    const args = [
      ...emulator.argsPrefix,
      ...toolchain.dataDirectories.flatMap((folder) => ["-L", folder]),
      ...["-M", architecture === "x86_64" ? "q35" : "virt", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none"],
      ...backend(name).arguments({ architecture }),
      ...["-kernel", join(guest, "kernel"), "-initrd", join(guest, "initrd"), "-append", append, "-serial", "stdio"],
    ];
    await host.run(emulator.file, args, {
      timeoutMs: name === "tcg" ? 60_000 : 20_000, // emulation on a busy host is slow and still right
      env: emulator.env,
      watch: (_stream, text) => {
        serial += text;
        return serial.includes("vivarium: init") || serial.includes("KVM internal error");
      },
    });
    return serial.includes("vivarium: init");
  }

  it("a launched QEMU outlives its launcher's kill -9, and is known by pid and start time", async () => {
    const emulator = await toolchain.emulator((await processor(host)).architecture);
    const options = {
      program: emulator,
      args: ["-M", "none", "-nodefaults", "-no-user-config", "-display", "none", "-S"],
      cwd: home,
      stderrFile: join(home, "qemu.log"),
      scope: "vivarium-test",
    };
    const door = join(import.meta.dirname, "../../src/backends/index.ts");
    const script = `
      const { launch } = await import(${JSON.stringify(door)});
      const { pid, startTime } = await launch(${JSON.stringify(options)});
      console.log(JSON.stringify({ pid, startTime }));
      setInterval(() => {}, 1000);`;
    const launcher = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await new Promise<string>((resolve) => launcher.stdout.once("data", (data: Buffer) => resolve(data.toString())));
    const qemu = JSON.parse(line) as { pid: number; startTime: string };
    try {
      launcher.kill("SIGKILL");
      await new Promise((resolve) => launcher.once("exit", resolve));
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.ok(await isAlive(qemu), await readFile(options.stderrFile, "utf8"));
    } finally {
      process.kill(qemu.pid, "SIGKILL");
    }
    await until(async () => !(await isAlive(qemu)));
  });

  it("a QEMU that dies at once leaves its complaint in the log", async () => {
    const emulator = await toolchain.emulator("x86_64");
    const stderrFile = join(home, "dies.log");
    const launched = await launch({ program: emulator, args: ["-M", "no-such-machine"], cwd: home, stderrFile });
    assert.deepEqual(await launched.exited, { code: 1, signal: null });
    assert.match(await readFile(stderrFile, "utf8"), /unsupported machine type/i);
  });

  describe("the bundle that is shipped", () => {
    let copy: string;
    let own: string;
    const bundle = join(dist, "bundle", "linux-x64");

    beforeEach(async () => {
      [copy, own] = [join(home, "copy"), join(home, "own")];
      await mkdir(copy);
      for (const file of await readdir(bundle)) await symlink(join(bundle, file), join(copy, file));
    });
    afterEach(async () => {
      await rm(copy, { recursive: true });
      await rm(own, { recursive: true, force: true });
    });

    function opened(): Promise<Toolchain> {
      return findToolchain({ host: { ...host, env: { ...host.env, VIVARIUM_BUNDLE: copy } }, home: own });
    }

    it("with one byte changed is refused, with a hint, and leaves nothing", async function () {
      this.timeout(30_000);
      const part = join(copy, "qemu.tar.br");
      await rm(part);
      await copyFile(join(bundle, "qemu.tar.br"), part);
      const file = await open(part, "r+");
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 12_345);
      await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 12_345);
      await file.close();
      await assert.rejects(opened(), {
        code: "bundle-damaged",
        message: /qemu\.tar\.br is not what was shipped/,
        hint: /Install Vivarium again/,
      });
      const left = await readdir(join(own, "bin")).catch(() => []);
      assert.deepEqual(
        left.filter((name) => name.startsWith(".")),
        [],
      );
    });

    it("whose unpacked emulator was damaged is unpacked again and runs", async function () {
      this.timeout(60_000);
      const first = await opened();
      const emulator = first.program("qemu-system-x86_64").argsPrefix.find((word) => word.endsWith("/qemu-system-x86_64"));
      assert.ok(emulator);
      await truncate(emulator, 100_000);
      const { file, argsPrefix, env } = (await opened()).program("qemu-system-x86_64");
      const answer = await host.run(file, [...argsPrefix, "--version"], { timeoutMs: 10_000, env });
      assert.match(answer.stdout, /QEMU emulator version 10\./);
    });
  });
});

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now();
  return [await work(), Math.round(performance.now() - startedAt)];
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + 5_000;
  while (!(await condition())) {
    if (performance.now() > endsAt) assert.fail("It did not happen within 5 s.");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
