import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Command } from "./rawQemu.ts";
import { sleep, timed } from "./samples.ts";

const execute = promisify(execFile);
const domain = "vivarium-bench";

/** Debian's libvirt with a domain like our machine, driven by one open virsh. */
export interface Libvirt {
  readonly version: string;
  boot(): Promise<{ returnedMs: number; answerMs: number }>;
  /** `virsh save` and `virsh restore` of a guest whose agent answers; then internal snapshots of it, and back to one. */
  moments(runs: number): Promise<Moments>;
  dispose(): Promise<void>;
}

/** Milliseconds of each run. */
export interface Moments {
  /** The guest's memory into a file; the machine is off then. */
  readonly save: number[];
  readonly restore: number[];
  /** `snapshot-create-as` of a running guest, from request to reply. */
  readonly create: number[];
  /** For how long the guest stood still meanwhile, by QEMU's events. */
  readonly paused: number[];
  /** `snapshot-revert` of a running guest. */
  readonly revert: number[];
}

/** @throws where libvirt is not installed or this user may not run it. */
export async function startLibvirt(command: Command, folder: string): Promise<Libvirt> {
  if (process.getuid?.() !== 0)
    throw new Error("The comparison with libvirt starts its daemon, which needs root (or leave it out: --no-libvirt).");
  const { stdout } = await execute("libvirtd", ["--version"]).catch((error: unknown) => {
    throw new Error("libvirt is missing: sudo apt-get install libvirt-daemon-system libvirt-clients (or leave it out: --no-libvirt)", {
      cause: error,
    });
  });
  const work = await mkdtemp(join(tmpdir(), "viv-libvirt-"));
  const daemons = await startDaemons(work);
  const shell = openShell();
  const end = async () => {
    shell.close();
    for (const pid of daemons.reverse()) process.kill(pid, "SIGTERM");
    await rm(work, { recursive: true, force: true });
  };
  try {
    const emulator = await emulatorScript(command, work);
    const file = join(work, "domain.xml");
    await writeFile(file, domainXml(command, emulator, folder));
    await shell.run(`define ${file}`);
    // The first start asks the emulator for its capabilities, which libvirt then keeps.
    await shell.run(`start ${domain}`);
    await shell.run(`destroy ${domain}`);
  } catch (error) {
    await shell.run(`undefine ${domain}`).catch(() => undefined);
    await end();
    throw error;
  }
  return {
    version: stdout.trim().replace(/^.* /, ""),
    async boot() {
      await shell.run(`destroy ${domain}`).catch(() => undefined);
      const started = performance.now();
      await shell.run(`start ${domain}`);
      const returnedMs = performance.now() - started;
      while (!(await answers(shell))) {
        if (performance.now() - started > bootLimitMs) throw new Error("The guest under libvirt did not answer.");
        await sleep(5);
      }
      const answerMs = performance.now() - started;
      await shell.run(`destroy ${domain}`);
      return { returnedMs, answerMs };
    },
    async moments(runs) {
      await shell.run(`destroy ${domain}`).catch(() => undefined);
      await shell.run(`start ${domain}`);
      await untilAnswers(shell);
      const moments: Moments = { save: [], restore: [], create: [], paused: [], revert: [] };
      const file = join(work, "saved");
      const time = async (into: number[], line: string) => into.push((await timed(() => shell.run(line))).ms);
      for (let run = 0; run < runs; run += 1) {
        await time(moments.save, `save ${domain} ${file}`);
        await time(moments.restore, `restore ${file}`);
        await untilAnswers(shell);
      }
      const pauses = watchPauses();
      try {
        await pauses.listening(shell);
        for (let run = 0; run < runs; run += 1) {
          await time(moments.create, `snapshot-create-as ${domain} bench`);
          moments.paused.push(await pauses.next());
          await time(moments.revert, `snapshot-revert ${domain} bench`);
          await untilAnswers(shell);
          pauses.forget();
          await shell.run(`snapshot-delete ${domain} bench`);
        }
      } finally {
        pauses.end();
      }
      await shell.run(`destroy ${domain}`);
      return moments;
    },
    async dispose() {
      await shell.run(`destroy ${domain}`).catch(() => undefined);
      await shell.run(`undefine --snapshots-metadata ${domain}`);
      await end();
    },
  };
}

const bootLimitMs = 120_000;

async function untilAnswers(shell: Shell): Promise<void> {
  const started = performance.now();
  while (!(await answers(shell))) {
    if (performance.now() - started > bootLimitMs) throw new Error("The guest under libvirt did not answer.");
    await sleep(20);
  }
}

/** How long the guest stands still, by the times that QEMU gives its own events. */
function watchPauses(): { listening(shell: Shell): Promise<void>; next(): Promise<number>; forget(): void; end(): void } {
  // virsh keeps what it prints for a pipe until it has a page of it.
  const words = ["-oL", "virsh", "-c", "qemu:///system", "qemu-monitor-event", domain, "--loop"];
  const child = spawn("stdbuf", words, { stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  child.stdout.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const at = (event: string) =>
    [...said.matchAll(new RegExp(`event ${event} at (\\d+\\.\\d+)`, "g"))].map(([, time]) => Number(time) * 1000);
  return {
    /** virsh does not say when it listens: a pause that it tells of does. */
    async listening(shell) {
      for (let tries = 0; said === "" && tries < 100; tries += 1) {
        await shell.run(`suspend ${domain}`);
        await shell.run(`resume ${domain}`);
        await sleep(100);
      }
      // The last of them is on its way.
      await sleep(500);
      said = "";
    },
    async next() {
      for (let tries = 0; tries < 500; tries += 1) {
        const [stopped, resumed] = [at("STOP")[0], at("RESUME").at(-1)];
        if (stopped !== undefined && resumed !== undefined && resumed > stopped) return resumed - stopped;
        await sleep(20);
      }
      throw new Error(`libvirt told of no pause: ${said}`);
    },
    forget: () => {
      said = "";
    },
    end: () => void child.kill("SIGTERM"),
  };
}

function answers(shell: Shell): Promise<boolean> {
  return shell.run(`qemu-agent-command ${domain} {"execute":"guest-ping"}`).then(
    () => true,
    () => false,
  );
}

/** Ours to end: the ids of those that did not run already. */
async function startDaemons(work: string): Promise<number[]> {
  const running = await execute("virsh", ["-c", "qemu:///system", "uri"], { timeout: 5000 }).then(
    () => true,
    () => false,
  );
  if (running) return [];
  const pids: number[] = [];
  for (const program of ["virtlogd", "libvirtd"]) {
    const pidFile = join(work, `${program}.pid`);
    await execute(program, ["-d", "-p", pidFile]);
    for (let tries = 0; tries < 200 && pids.at(-1) !== undefined; tries += 1) await sleep(1);
    pids.push(await pidIn(pidFile));
  }
  return pids;
}

async function pidIn(file: string): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const pid = Number(await readFile(file, "utf8").catch(() => ""));
    if (pid > 0) return pid;
    await sleep(25);
  }
  throw new Error(`${file} was not written.`);
}

interface Shell {
  /** @throws with what virsh says against it. */
  run(line: string): Promise<void>;
  close(): void;
}

/** One virsh that stays open, so that no program's start is in the figures. */
function openShell(): Shell {
  const child: ChildProcess = spawn("virsh", ["-c", "qemu:///system"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  let errors = "";
  let wake: () => void = () => undefined;
  child.stdout?.on("data", (data: Buffer) => {
    said += data.toString();
    wake();
  });
  child.stderr?.on("data", (data: Buffer) => {
    errors += data.toString();
    wake();
  });
  let marks = 0;
  return {
    async run(line) {
      marks += 1;
      const mark = `mark-${marks}`;
      said = "";
      errors = "";
      child.stdin?.write(`${line.replaceAll(/[{"}]/g, "\\$&")}\necho ${mark}\n`);
      while (!said.includes(`${mark}\n`)) {
        if (child.exitCode !== null) throw new Error(`virsh ended: ${errors}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      // stderr is another pipe: what was said before the mark has been written, not yet read.
      await sleep(0);
      if (errors.trim() !== "") throw new Error(`virsh ${line}: ${errors.trim()}`);
    },
    close: () => void child.kill("SIGTERM"),
  };
}

/** libvirt wants one program; the bundle's QEMU is a loader with words of its own. */
async function emulatorScript(command: Command, work: string): Promise<string> {
  const first = command.words.indexOf("-name");
  const quoted = command.words.slice(0, first).map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const file = join(work, "qemu");
  await writeFile(file, `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`);
  await chmod(file, 0o755);
  await chmod(work, 0o755);
  return file;
}

function optionValue(command: Command, option: string): string {
  const value = command.words[command.words.indexOf(option) + 1];
  if (value === undefined || !command.words.includes(option)) throw new Error(`command.txt has no ${option}.`);
  return value;
}

/** The same hardware as far as libvirt can say it; root as the owner, so that no file of ours changes hands. */
function domainXml(command: Command, emulator: string, folder: string): string {
  const memory = /size=(\d+)M/.exec(optionValue(command, "-m"))?.[1] ?? "256";
  const identity = command.words.flatMap((word, index) => (word === "-fw_cfg" ? ["-fw_cfg", command.words[index + 1] ?? ""] : []));
  const data = command.words.flatMap((word, index) => (word === "-L" ? ["-L", command.words[index + 1] ?? ""] : []));
  return `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${domain}</name>
  <memory unit='MiB'>${memory}</memory>
  <vcpu>${/^(\d+)/.exec(optionValue(command, "-smp"))?.[1] ?? "2"}</vcpu>
  <os>
    <type arch='x86_64' machine='${optionValue(command, "-machine").split(",")[0]}'>hvm</type>
    <kernel>${escaped(optionValue(command, "-kernel"))}</kernel>
    <initrd>${escaped(optionValue(command, "-initrd"))}</initrd>
    <cmdline>${escaped(optionValue(command, "-append"))}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <clock offset='utc'><timer name='hpet' present='no'/></clock>
  <devices>
    <emulator>${escaped(emulator)}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='writeback' discard='unmap'/>
      <source file='${escaped(join(command.workingFolder, "disk0.qcow2"))}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><model type='virtio'/></interface>
    <serial type='file'><source path='${escaped(join(folder, "libvirt-serial.log"))}'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <rng model='virtio'><backend model='builtin'/></rng>
    <memballoon model='virtio'/>
    <video><model type='none'/></video>
  </devices>
  <seclabel type='static' model='dac' relabel='no'><label>+0:+0</label></seclabel>
  <qemu:commandline>
${[...data, ...identity].map((word) => `    <qemu:arg value='${escaped(word)}'/>`).join("\n")}
  </qemu:commandline>
</domain>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("'", "&apos;");
}
