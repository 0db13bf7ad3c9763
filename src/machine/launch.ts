import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Choice, launch as launchProcess, type Program, type Toolchain } from "../backends/index.ts";
import { type Definition, type RunRecord, type RuntimeForward, VivError, vivError } from "../model/index.ts";
import { commandLine, commandText, discardsSafely, type LaunchContext, type MemoryFile, sharingOf } from "../qemu/index.ts";
import { type Channels, makeChannels } from "./channels.ts";
import { diskIo, diskLayouts } from "./disks/layout.ts";
import { lockImages, passLocks, unlockImages } from "./disks/locks.ts";
import { prepareFirstBoot } from "./firstBoot/files.ts";
import { inFolder } from "./folder.ts";
import { isSsh, resolveForwards } from "./forwards/index.ts";
import type { Machine, Operation } from "./machine.ts";
import { uefiFiles } from "./nvram.ts";
import { killProcess, waitGone } from "./processEnd.ts";
import { requireCapacity, requireMedia, requireVsock, vsockCid } from "./requirements.ts";
import { Session } from "./session.ts";
import { sessionListener } from "./sessionEvents.ts";
import { shareContext } from "./shares/host.ts";
import { guestIdentityFiles } from "./sshKeys.ts";
import { makePrivateFolder, readTail, writeFileAtomically } from "./storage.ts";
import { startTpm } from "./tpm.ts";

/** Spawn → greeting takes 25–90 ms (docs/traps.md §4); a loaded host may need long. */
const greetingTimeoutMs = 20_000;
const portAttempts = 5;
/** Between the end of a crashing QEMU's monitor and of its process. */
const crashGraceMs = 500;

export interface LaunchRequest {
  readonly definition: Definition;
  /** `-incoming defer`: memory comes from a file. */
  readonly incoming: boolean;
  readonly toolchain: Toolchain;
  readonly choice: Choice;
  readonly requestedAt: string;
  /** Forwards to take again (wake), host ports included. */
  readonly forwards?: readonly RuntimeForward[];
  /** Nobody reaches the guest's SSH server before `openWithheld`. */
  readonly withholdSsh?: boolean;
  /** The guest's memory is a file. */
  readonly memoryFile?: MemoryFile;
  /** Id of the template whose memory that is. */
  readonly template?: string;
}

/**
 * Spawns QEMU with the processors held, connects to it, and records it. On an error nothing runs and nothing stays.
 * @throws VivError `qemu-crashed` with QEMU's own words, `damaged`, `host-cannot`, `not-enough-memory`, `qemu-missing`.
 */
export async function launchMachine(machine: Machine, request: LaunchRequest, operation: Operation): Promise<Session> {
  requireCapacity(machine, request.definition);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launchOnce(machine, request, operation);
    } catch (error) {
      const portTaken = error instanceof VivError && /host forwarding rule|Address already in use|Failed to bind/i.test(error.message);
      if (!portTaken || attempt === portAttempts) throw error;
    }
  }
}

async function launchOnce(machine: Machine, request: LaunchRequest, operation: Operation): Promise<Session> {
  const { definition, toolchain, choice } = request;
  const run = machine.run;
  machine.host.requireOwnRunFolder(machine);
  const [program, resolved, disks, fwCfg, firmware, sharing, segments] = await Promise.all([
    toolchain.emulator(definition.architecture),
    resolveForwards(machine, definition, request.forwards),
    diskLayouts(definition, machine.paths, machine.host.homeFolder),
    guestIdentityFiles(machine.paths, definition, machine.definition?.firstBoot?.hostname),
    uefiFiles(machine.paths, definition, toolchain),
    shareContext(machine, definition, toolchain),
    machine.host.attachNetworks(machine, definition),
    requireMedia(machine, definition),
    requireVsock(machine, definition),
    prepareFolders(machine, request.incoming),
  ]);
  const withheld = request.withholdSsh ? resolved.filter(isSsh) : [];
  const forwards = resolved.filter((forward) => !withheld.includes(forward));
  const channels = await makeChannels(machine);
  const firstBoot = await prepareFirstBoot(machine, definition, request.incoming);
  const tpm = definition.devices.tpm ? await startTpm(machine, toolchain) : undefined;
  const context: LaunchContext = {
    platform: machine.host.platform,
    qemuVersion: majorMinor(toolchain.version),
    accelerator: acceleratorOf(choice),
    dataDirectories: toolchain.dataDirectories,
    ...(firmware ? { firmware } : {}),
    machineDirectory: machine.paths.folder,
    runDirectory: run.folder,
    logDirectory: machine.paths.logs,
    transport: channels.transport,
    diskIo,
    detectZeroes: discardsSafely(toolchain.version),
    disks,
    forwards,
    segments,
    fwCfg,
    ...firstBoot,
    ...(definition.architecture === "x86_64" ? { vmGenerationId: randomUUID() } : {}),
    ...(tpm ? { tpmSocket: tpm.socket } : {}),
    ...(definition.devices.vsock ? { vsockCid: vsockCid(definition.id) } : {}),
    ...sharing,
    sandbox: machine.host.platform === "linux",
    paused: true,
    incoming: request.incoming,
    ...(request.memoryFile ? { memoryFile: request.memoryFile } : {}),
  };
  const images = writtenImages(context, definition);
  try {
    await lockImages(machine.host, images, machine.host.self);
    const session = await spawnQemu(machine, { ...request, withheld }, program, context, channels, operation);
    if (machine.state.run) await passLocks(machine.host, images, machine.state.run);
    return session;
  } catch (error) {
    await unlockImages(machine.host, images, machine.host.self);
    await tpm?.kill();
    throw error;
  }
}

/** The images QEMU will write to. */
function writtenImages(context: LaunchContext, definition: Definition): string[] {
  return definition.disks.flatMap((disk) =>
    disk.readOnly ? [] : [context.disks[disk.id]?.file ?? inFolder(context.machineDirectory, disk.file)],
  );
}

async function spawnQemu(
  machine: Machine,
  request: LaunchRequest & { readonly withheld: readonly RuntimeForward[] },
  program: Program,
  context: LaunchContext,
  channels: Channels,
  operation: Operation,
): Promise<Session> {
  const { definition, toolchain, choice } = request;
  const run = machine.run;
  const args = [...commandLine(definition, context), "-pidfile", run.pidFile];
  await writeFileAtomically(machine.paths.command, commandText(commandOf(program), args));
  const launched = await launchProcess({
    program,
    args,
    cwd: machine.paths.folder,
    stderrFile: join(machine.paths.logs, "qemu.log"),
    scope: `vivarium-${definition.name}`,
  });
  let ended = false;
  void launched.exited.then(() => {
    ended = true;
  });
  await operation.step("waiting for QEMU");
  const sharing = sharingOf(definition, context);
  const record: RunRecord = {
    pid: launched.pid,
    startTime: launched.startTime,
    accelerator: choice.name,
    qemuId: toolchain.id,
    qemuVersion: toolchain.version,
    startedAt: new Date().toISOString(),
    requestedAt: request.requestedAt,
    definition,
    forwards: [...context.forwards],
    readiness: {},
    ...(sharing ? { sharing } : {}),
    ...(request.incoming ? { woken: true } : {}),
    ...(request.template === undefined ? {} : { template: request.template }),
    ...(request.withheld.length > 0 ? { withheld: [...request.withheld] } : {}),
  };
  try {
    await machine.record((state) => ({ ...state, run: record }), { quiet: true });
    const session = await Session.connect(channels, definition.id, sessionListener(machine), {
      timeoutMs: greetingTimeoutMs,
      signal: operation.signal,
      ended: () => ended,
    });
    machine.session = session;
    return session;
  } catch (error) {
    // Its monitor closes a moment before the process is gone. What we cancel has not crashed.
    const crashed = ended || (!operation.signal.aborted && (await waitGone(launched, crashGraceMs)));
    await killProcess(launched);
    await machine.record(({ run: _run, ...state }) => state, { quiet: true });
    throw crashed ? await crashError(machine, error) : error;
  }
}

function commandOf(program: Program): string[] {
  return [program.file, ...program.argsPrefix];
}

/** Backends give `-accel X -cpu Y`; the command line places the model itself. */
function acceleratorOf(choice: Choice): LaunchContext["accelerator"] {
  return {
    name: choice.name,
    arguments: ["-accel", choice.arguments[choice.arguments.indexOf("-accel") + 1] ?? choice.variant.accel],
    cpuModel: choice.variant.cpu,
  };
}

export function majorMinor(version: string): readonly [number, number] {
  const [major, minor] = version.split(".").map(Number);
  return [major ?? 0, minor ?? 0];
}

async function prepareFolders(machine: Machine, woken: boolean): Promise<void> {
  await rm(machine.run.folder, { recursive: true, force: true });
  await Promise.all([makePrivateFolder(machine.run.folder), makePrivateFolder(machine.paths.logs)]);
  // A log is of one run, so that nothing waits for words of the last one; a woken guest goes on where it was.
  for (const name of woken ? ["qemu.log"] : ["qemu.log", "serial.log"]) {
    const log = join(machine.paths.logs, name);
    await rename(log, `${log}.1`).catch(() => undefined);
  }
}

async function crashError(machine: Machine, cause: unknown): Promise<VivError> {
  const words = (await readTail(join(machine.paths.logs, "qemu.log"), 4000)).trim();
  const said = words === "" ? "It said nothing." : words;
  const hint = /Failed to get "?\w*"? ?(write|lock)/i.test(words)
    ? "Another program has the image open; close it first."
    : /Cannot allocate memory|cannot set up guest memory/i.test(words)
      ? "Give the machine less memory, or stop others."
      : `The exact command: ${machine.paths.command}`;
  return vivError("qemu-crashed", `QEMU ended at once. ${said}`, hint, cause);
}
