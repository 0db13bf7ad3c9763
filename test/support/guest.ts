/** The starter guest under a bare QEMU, without vivd: what `guest/` builds is proven by itself. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { connectAgent, connectQmp, type GuestAgent, openChannel, type QmpClient } from "../../src/qemu/index.ts";
import type { Started, World } from "../qemu/world.ts";
import { runTool, tool } from "./tools.ts";

const run = promisify(execFile);

export type GuestArchitecture = "x86_64" | "aarch64";

export interface BareGuest {
  readonly agent: GuestAgent;
  readonly qmp: QmpClient;
  /** From spawn to the agent's first answer. */
  readonly agentMs: number;
  readonly process: Started;
  /** Runs a shell command in the guest; its standard output. Fails when the command does. */
  shell(command: string): Promise<string>;
  serial(): Promise<string>;
  /** Waits until the serial console has shown this. */
  serialShows(pattern: RegExp, timeoutMs?: number): Promise<void>;
}

export interface BootOptions {
  readonly architecture: GuestArchitecture;
  /** qcow2 to boot from; undefined boots without any disk. */
  readonly disk?: string;
  /** File of each `opt/dev.vivarium/NAME`. */
  readonly firmwareFiles?: Readonly<Record<string, string>>;
  /** Host port forwarded to the guest's SSH. */
  readonly sshPort?: number;
  readonly extra?: readonly string[];
}

export function guestFile(architecture: GuestArchitecture, name: string): string {
  const file = join(resolve(import.meta.dirname, "..", ".."), "dist", "guest", architecture, name);
  if (!existsSync(file)) throw new Error(`${file} is missing: run node scripts/guest.ts --arch ${architecture}.`);
  return file;
}

/** A new disk over the image's. */
export async function overlay(world: World, architecture: GuestArchitecture, name: string, size?: string): Promise<string> {
  const path = world.path(name);
  const base = guestFile(architecture, "disk.qcow2");
  const created = await runTool(
    "qemu-img",
    ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, path, ...(size ? [size] : [])],
    world.folder,
  );
  if (created.exitCode !== 0) throw new Error(created.stderr);
  return path;
}

let boots = 0;

export async function boot(world: World, options: BootOptions): Promise<BareGuest> {
  const { architecture, disk, firmwareFiles = {}, sshPort, extra = [] } = options;
  const image = JSON.parse(await readFile(guestFile(architecture, "image.json"), "utf8")) as { append: string };
  const emulator = await tool(`qemu-system-${architecture}`);
  const id = String(++boots);
  const [agentSocket, qmpSocket, serialFile] = [world.path(`a${id}`), world.path(`q${id}`), world.path(`serial${id}`)];
  await writeFile(serialFile, "");
  const args = [
    ...emulator.dataDirectories.flatMap((folder) => ["-L", folder]),
    ...["-nodefaults", "-no-user-config", "-display", "none", "-m", "512M", "-smp", "2", "-cpu", "max"],
    ...["-machine", architecture === "x86_64" ? "q35,hpet=off" : "virt", "-accel", "tcg,thread=multi"],
    ...["-kernel", guestFile(architecture, "kernel"), "-initrd", guestFile(architecture, "initrd"), "-append", image.append],
    ...(disk ? ["-drive", `file=${disk},if=none,id=d0,format=qcow2`, "-device", "virtio-blk-pci,drive=d0"] : []),
    ...["-netdev", `user,id=n0${sshPort === undefined ? "" : `,hostfwd=tcp:127.0.0.1:${sshPort}-:22`}`],
    ...["-device", "virtio-net-pci,netdev=n0,romfile=", "-device", "virtio-serial-pci"],
    ...["-chardev", `socket,id=ga,path=${agentSocket},server=on,wait=off`],
    ...["-device", "virtserialport,chardev=ga,name=org.qemu.guest_agent.0"],
    ...["-chardev", `file,id=serial,path=${serialFile}`, "-serial", "chardev:serial"],
    ...["-qmp", `unix:${qmpSocket},server=on,wait=off`, "-device", "pcie-root-port,id=port0,chassis=1,slot=1"],
    ...["-device", "pcie-root-port,id=port1,chassis=2,slot=2"],
    ...Object.entries(firmwareFiles).flatMap(([name, file]) => ["-fw_cfg", `name=opt/dev.vivarium/${name},file=${file}`]),
    ...extra,
  ];
  const started = performance.now();
  const process = world.start(emulator, args);
  const qmp = await connectQmp(await openChannel({ kind: "unix", path: qmpSocket }, { retry: true, timeoutMs: 20_000 }));
  const agent = connectAgent(await openChannel({ kind: "unix", path: agentSocket }, { retry: true }));
  await answers(agent, 120_000, () => process.output());
  const agentMs = performance.now() - started;
  const serial = () => readFile(serialFile, "utf8");
  return {
    agent,
    qmp,
    agentMs,
    process,
    serial,
    async shell(command) {
      const result = await agent.exec({ program: "/bin/sh", args: ["-c", command] }, { timeoutMs: 120_000 });
      if (result.exitCode !== 0) throw new Error(`${command}: ${result.exitCode} ${result.stdout} ${result.stderr}`);
      return result.stdout.toString();
    },
    async serialShows(pattern, timeoutMs = 60_000) {
      const end = performance.now() + timeoutMs;
      while (!pattern.test(await serial())) {
        if (performance.now() > end) throw new Error(`no ${pattern} on the console: ${await serial()}`);
        await pause(50);
      }
    },
  };
}

/** Asks until the agent answers. A short limit each time: what was sent before it ran is lost. */
export async function answers(agent: GuestAgent, timeoutMs: number, why: () => string): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answered = await agent.ping({ timeoutMs: 300 }).then(
      () => true,
      () => false,
    );
    if (answered) return;
    if (performance.now() > end) throw new Error(`no answer from the guest agent within ${timeoutMs} ms. ${why()}`);
  }
}

/** A new ed25519 key in OpenSSH's format: `path` and `path.pub`. */
export async function makeKey(path: string): Promise<void> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path]);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolvePause) => setTimeout(resolvePause, ms));
}
