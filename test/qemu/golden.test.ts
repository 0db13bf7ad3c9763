import assert from "node:assert/strict";
import { copyFile, mkdir, open, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Definition } from "../../src/model/index.ts";
import { channelAddress, commandLine, connectQmp, type LaunchContext, openChannel, type Platform } from "../../src/qemu/index.ts";
import { contextOf, type GoldenCase, golden, goldenCases, goldenText, platforms } from "../golden/commandLine.ts";
import { runTool, tool } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

/**
 * Every golden command line is one that the real QEMU takes: it is started with `-S` until its monitor answers.
 * Of a Linux golden only the paths are swapped (and forwards' ports, and KVM, which may not exist here); of the
 * others also the accelerator, the transport and the way of disk I/O.
 */
describe("golden command lines with the real QEMU", function () {
  this.timeout(30_000);
  let world: World;
  let images: World;
  before(async () => {
    images = await makeWorld();
    await runTool("qemu-img", ["create", "-q", "-f", "qcow2", images.path("disk"), "1M"], images.folder);
    for (const [name, size] of Object.entries(flashSizes))
      await runTool("qemu-img", ["create", "-q", "-f", "qcow2", images.path(name), size], images.folder);
  });
  after(() => images.dispose());
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.dispose());

  for (const goldenCase of goldenCases()) {
    for (const platform of platforms) {
      // What is an error on that host has no command to start.
      if (goldenText(goldenCase, platform).startsWith("error ")) continue;
      it(`${goldenCase.name} of ${platform}`, async () => {
        const emulator = await tool(`qemu-system-${goldenCase.definition.architecture}`);
        const context = { ...(await hereContext(goldenCase, platform, world)), dataDirectories: emulator.dataDirectories };
        const definition = mapStrings(goldenCase.definition, (text) => text.replace(/^\/home\/ada\/\.vivarium/, world.folder));
        await materialise(definition, context, images);
        const words = swapDrivers(commandLine(definition, context));
        if (context.tpmSocket !== undefined) await startTpm(world, context.tpmSocket);
        const qemu = world.start(emulator, words);
        const greeted = openChannel(channelAddress(context, "control"), { retry: true, timeoutMs: 20_000 }).then((stream) =>
          connectQmp(stream),
        );
        const ended = qemu.exited.then(() => assert.fail(`QEMU ended:\n${qemu.output()}`));
        const qmp = await Promise.race([greeted.catch(() => ended), ended]);
        const { status } = await qmp.execute("query-status", {}, { timeoutMs: 20_000 });
        assert.equal(status, context.incoming ? "inmigrate" : context.paused ? "prelaunch" : "running");
        assert.equal((await qmp.execute("query-uuid")).UUID, definition.id);
        const blockers = (await qmp.execute("query-migrate"))["blocked-reasons"] ?? [];
        assert.deepEqual(
          blockers.filter((reason) => !reason.endsWith("/nvme") && !(definition.devices.clipboard && reason.includes("vdagent"))),
          [],
          "only NVMe disks and the shared clipboard may keep a machine from being suspended",
        );
        assert.deepEqual(complaints(qemu.output()), []);
        await qmp.execute("quit");
        await qemu.exited;
      });
    }
  }
});

/** Warnings QEMU gives for what we mean. */
const meant = [/is not connected to host network/, /has no peer/, /terminating on signal/];

function complaints(output: string): string[] {
  return output.split("\n").filter((line) => line.trim() !== "" && !meant.some((pattern) => pattern.test(line)));
}

/** The golden's context with this host's paths, and for other platforms its transport and accelerator. */
async function hereContext(goldenCase: GoldenCase, platform: Platform, world: World): Promise<LaunchContext> {
  const { home, separator } = { ...golden[platform], home: goldenCase.host.home ?? golden[platform].home };
  const here = (text: string): string =>
    text.startsWith(home)
      ? world.path(...text.slice(home.length).split(separator).filter(Boolean))
      : text.replace(/^\/home\/ada\/\.vivarium/, world.folder);
  const there = contextOf(goldenCase, platform);
  const swapped = mapStrings(there, here);
  const forwards = await Promise.all(
    swapped.forwards.map(async (forward) => ({ ...forward, hostPort: await freePort(forward.hostAddress) })),
  );
  const common = { ...swapped, forwards, diskIo: { aio: "threads", direct: false } as const };
  const emulated = { name: "tcg", arguments: ["-accel", "tcg,thread=multi,tb-size=128"], cpuModel: "max" } as const;
  if (platform === "linux")
    return { ...common, diskIo: there.diskIo, accelerator: there.accelerator.name === "tcg" ? there.accelerator : emulated };
  return { ...common, platform: "linux", sandbox: false, transport: { kind: "unix" }, accelerator: emulated };
}

function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === "string") return change(value) as T;
  if (Array.isArray(value)) return value.map((each) => mapStrings(each, change)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapStrings(each, change)])) as T;
}

/** vhost-vsock needs a device file that few hosts let one open; everything else is started as it is. */
function swapDrivers(words: string[]): string[] {
  const at = words.findIndex((word) => word.includes('"vhost-vsock-pci"'));
  return at < 0 ? words : words.toSpliced(at - 1, 2);
}

/** QEMU wants a variable store of the flash's exact size. */
const flashSizes = { x86_64: "528K", aarch64: "64M" };

async function materialise(definition: Definition, context: LaunchContext, images: World): Promise<void> {
  const file = (path: string) => (path.startsWith("/") ? path : join(context.machineDirectory, path));
  for (const folder of [context.machineDirectory, context.runDirectory, context.logDirectory]) await mkdir(folder, { recursive: true });
  const image = async (path: string, format: string, empty = images.path("disk")) => {
    await mkdir(dirname(path), { recursive: true });
    if (format === "qcow2") await copyFile(empty, path);
    else await sparse(path, 1024 ** 2);
  };
  for (const disk of definition.disks) {
    await image(file(disk.file), disk.format);
    for (const base of context.disks[disk.id]?.backingChain ?? []) await image(file(base.file), base.format);
  }
  if (definition.cdrom?.file !== undefined) await image(file(definition.cdrom.file), "raw");
  for (const network of definition.networks) {
    if (network.mode === "nat" && network.netboot !== undefined) await mkdir(file(network.netboot.directory), { recursive: true });
  }
  for (const each of context.fwCfg) await writeFile(each.file, "content");
  if (context.seed !== undefined) await sparse(context.seed, 2 * 1024 ** 2);
  for (const credential of context.credentials ?? []) {
    await mkdir(dirname(credential), { recursive: true });
    await writeFile(credential, "io.systemd.credential:name=value");
  }
  if (context.firmware?.vars !== undefined) {
    await mkdir(dirname(context.firmware.code), { recursive: true });
    await sparse(context.firmware.code, definition.architecture === "aarch64" ? 64 * 1024 ** 2 : 3568 * 1024);
    await copyFile(images.path(definition.architecture), context.firmware.vars);
  }
  if (definition.firmware.type === "direct-kernel") {
    await writeFile(file(definition.firmware.kernel), linuxHeader());
    if (definition.firmware.initrd !== undefined) await writeFile(file(definition.firmware.initrd), "initrd");
  }
}

async function sparse(path: string, bytes: number): Promise<void> {
  const handle = await open(path, "w");
  await handle.truncate(bytes);
  await handle.close();
}

/** As much of a bzImage as QEMU looks at (Documentation/arch/x86/boot.rst); it never runs. */
function linuxHeader(): Buffer {
  const image = Buffer.alloc(16 * 1024);
  image[0x1f1] = 4;
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt16LE(0x020c, 0x206);
  image[0x211] = 1;
  image.writeUInt32LE(0x7fffffff, 0x22c);
  return image;
}

async function startTpm(world: World, socket: string): Promise<void> {
  const state = world.path("tpm");
  await mkdir(state);
  world.start(await tool("swtpm"), [
    "socket",
    "--tpm2",
    "--tpmstate",
    `dir=${state}`,
    "--ctrl",
    `type=unixio,path=${socket}`,
    "--terminate",
  ]);
  (await openChannel({ kind: "unix", path: socket }, { retry: true })).destroy();
  await sleep(20);
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}
