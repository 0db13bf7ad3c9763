import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CheckedParams, type HostReport, type MachineDetails, type MethodName, type Result, thisBuild } from "../api/index.ts";
import { createMachine, emptyTrash, findRemoved, listTrash, moveFromTrash, moveToTrash, type Removed } from "../host/index.ts";
import {
  editDefinition,
  exec,
  findChannels,
  kill,
  type Machine,
  nameAsFolder,
  pause,
  readTail,
  readTextIfPresent,
  replaceDefinition,
  requireSession,
  reset,
  restart,
  resume,
  runningDefinition,
  screenshot,
  sendKeys,
  setValues,
  sshTarget,
  start,
  stop,
  suspend,
  syncClock,
  syncFolder,
  typeText,
  usage,
  type Work,
  waitFor,
  writeFileAtomically,
} from "../machine/index.ts";
import { asVivError, requireMachineName, vivError } from "../model/index.ts";
import { installCommandLine } from "./commandLine.ts";
import { diskHandlers } from "./diskHandlers.ts";
import { openExec } from "./execStream.ts";
import { fileHandlers } from "./fileHandlers.ts";
import { forkHandlers } from "./forkHandlers.ts";
import { forwardHandlers } from "./forwardHandlers.ts";
import { guestHandlers } from "./guestHandlers.ts";
import type { Handler, HandlerContext } from "./handler.ts";
import { hostReportView } from "./hostReport.ts";
import { shutDownMachines } from "./hostShutdown.ts";
import { imageHandlers } from "./imageHandlers.ts";
import { networkHandlers } from "./networkHandlers.ts";
import { shareHandlers } from "./shareHandlers.ts";
import { snapshotHandlers } from "./snapshotHandlers.ts";
import { sshConfigHandlers } from "./sshConfigHandlers.ts";
import { transferHandlers } from "./transferHandlers.ts";
import { detailsOf, summaryOf } from "./views.ts";

type Handlers = { [M in Exclude<MethodName, "hello" | "authenticate">]: Handler<M> };

/** A machine that is acted on, then shown as it is afterwards. */
function acting<P extends { machine: string }>(
  act: (machine: Machine, params: P, work: Work) => Promise<unknown>,
): (params: P, context: HandlerContext) => Promise<MachineDetails> {
  return async (params, { world, work }) => {
    const machine = world.library.find(params.machine);
    await act(machine, params, work);
    return detailsOf(machine);
  };
}

/** What each method of the API does: one line, or one function below or in machine/ and host/. */
export const handlers: Handlers & Partial<Record<"hello" | "authenticate", never>> = {
  "daemon.status": (_params, context) => status(context),
  "daemon.stop": ({ replacement }, context) => stopService(replacement, context),
  "daemon.installCommandLine": async (_params, { world }) => installCommandLine(world.home.folder, world.distFolder),
  "daemon.hostShutdown": async (_params, { world }) => ({ machines: await shutDownMachines(world) }),

  "host.report": async ({ fresh }, { world }): Promise<HostReport> => hostReportView(world, fresh),

  "machine.list": async (_params, { world }) => world.library.all.map(summaryOf),
  "machine.show": async ({ machine }, { world }) => detailsOf(world.library.find(machine)),
  "machine.usage": async ({ machine, intervalMs }, { world, work }) => usage(world.library.find(machine), intervalMs, work.signal),
  "machine.create": create,
  "machine.remove": remove,
  "machine.trash": async (_params, { world }) => (await listTrash(world.home.trash)).map(trashView),
  "machine.restoreRemoved": restoreRemoved,
  "machine.emptyTrash": async ({ machine }, { world }) => ({ freedBytes: await emptyTrash(world.home.trash, machine) }),
  "machine.rename": renameMachine,
  "machine.set": acting((machine, { set }: CheckedParams<"machine.set">) => setValues(machine, set)),
  "machine.definition": async ({ machine }, { world }) => definitionOf(world.library.find(machine)),
  "machine.replaceDefinition": acting((machine, { text }: CheckedParams<"machine.replaceDefinition">) => replaceDefinition(machine, text)),

  "machine.start": acting((machine, _params, work) => start(machine, work)),
  "machine.stop": acting((machine, times: CheckedParams<"machine.stop">, work) => stop(machine, times, work)),
  "machine.kill": acting((machine, _params, work) => kill(machine, work)),
  "machine.restart": acting((machine, { acpiTimeoutMs }: CheckedParams<"machine.restart">, work) =>
    restart(machine, { acpiTimeoutMs, quitTimeoutMs: 10_000 }, work),
  ),
  "machine.reset": acting((machine) => reset(machine)),
  "machine.pause": acting((machine) => pause(machine)),
  "machine.resume": acting((machine, _params, work) => (machine.state.run ? resume(machine) : start(machine, work))),
  "machine.suspend": acting((machine, _params, work) => suspend(machine, work)),
  "machine.wait": acting((machine, { for: condition, timeoutMs }: CheckedParams<"machine.wait">, work) =>
    waitFor(machine, condition, timeoutMs, work.signal),
  ),

  "machine.exec": execute,
  "machine.openExec": openExec,
  "machine.sshTarget": async ({ machine }, { world }) => sshTarget(world.library.find(machine)),
  "machine.guestInfo": guestInfo,
  "machine.readFile": readGuestFile,
  "machine.writeFile": writeGuestFile,
  "machine.syncClock": async ({ machine }, { world }) => ({ correctedMs: await syncClock(world.library.find(machine)) }),
  "machine.screenshot": async ({ machine }, { world }) => ({
    pngBase64: (await screenshot(world.library.find(machine))).toString("base64"),
  }),
  "machine.sendKeys": async ({ machine, keys }, { world }) => {
    await sendKeys(world.library.find(machine), keys);
    return {};
  },
  "machine.typeText": async ({ machine, text, layout }, { world, work }) => ({
    characters: await typeText(world.library.find(machine), text, layout, work.signal),
  }),
  "machine.openSerial": openSerial,
  "machine.displaySocket": async ({ machine }, { world }) => displaySocket(world.library.find(machine)),
  "machine.logs": logs,

  ...networkHandlers,
  ...snapshotHandlers,
  ...forkHandlers,
  ...diskHandlers,
  ...shareHandlers,
  ...forwardHandlers,
  ...transferHandlers,
  ...imageHandlers,
  ...guestHandlers,
  ...fileHandlers,
  ...sshConfigHandlers,
};

async function status({ world, clients }: HandlerContext): Promise<Result<"daemon.status">> {
  const machines = world.library.all;
  return {
    pid: process.pid,
    ...thisBuild,
    uptimeSeconds: Math.round((Date.now() - world.startedAt) / 1000),
    machines: machines.length,
    running: machines.filter((machine) => machine.state.run !== undefined).length,
    clients,
    operations: machines.filter((machine) => machine.busy !== undefined).length,
    home: world.home.folder,
    memoryBytes: process.memoryUsage.rss(),
  };
}

async function stopService(replacement: boolean, { world, stop: stopNow }: HandlerContext): Promise<Record<string, never>> {
  const busy = world.library.all.find((machine) => machine.busy !== undefined);
  if (replacement && (busy || world.operations > 0)) {
    throw vivError(
      "locked",
      `The background service is busy${busy ? ` (${busy.name}: ${busy.busy})` : ""}.`,
      "It is replaced when it is done.",
    );
  }
  setImmediate(() => stopNow(replacement ? "replaced by a newer version" : "asked to stop"));
  return {};
}

async function create(request: CheckedParams<"machine.create">, { world, work }: HandlerContext): Promise<MachineDetails> {
  const { library } = world;
  const name = await createMachine(
    request,
    {
      machinesFolder: world.home.machines,
      imageStore: world.home.images,
      guestFolder: world.guestFolder,
      hostArchitecture: await world.hostArchitecture(),
      cores: world.cores,
      memoryBytes: world.memoryBytes,
      toolchain: () => world.toolchains.current(),
      isTaken: (wanted) => library.has(wanted),
    },
    work,
  );
  return detailsOf(await library.add(name));
}

function trashView({ id, name, removedAt, bytes }: Removed): { id: string; name: string; removedAt: string; bytes: number } {
  return { id, name, removedAt, bytes };
}

async function remove(
  { machine: name, force }: CheckedParams<"machine.remove">,
  { world, work }: HandlerContext,
): Promise<Result<"machine.remove">> {
  const machine = world.library.find(name);
  if (machine.state.run || machine.busy) {
    if (!force)
      throw vivError(
        "wrong-state",
        `${machine.name} is ${machine.view.status.state}.`,
        `Stop it first (viv stop ${machine.name}), or remove it by force: viv rm ${machine.name} --force`,
      );
    await kill(machine, work);
  }
  return machine.operate("remove", work, async (operation) => {
    const { id, run } = machine;
    await operation.step("moving it to the trash");
    const removed = await moveToTrash(machine.paths.folder, machine.name, world.home.trash);
    world.library.forget(machine, id);
    await rm(run.folder, { recursive: true, force: true });
    return trashView(removed);
  });
}

async function restoreRemoved(
  { machine: nameOrId }: CheckedParams<"machine.restoreRemoved">,
  { world }: HandlerContext,
): Promise<MachineDetails> {
  const removed = await findRemoved(world.home.trash, nameOrId);
  if (world.library.has(removed.name)) {
    throw vivError(
      "exists",
      `There is a machine ${removed.name} again, so the removed one cannot come back.`,
      `Rename it first: viv rename ${removed.name} NEW`,
    );
  }
  await moveFromTrash(removed, world.library.folder(removed.name));
  return detailsOf(await world.library.add(removed.name));
}

/** The name in vm.json, then the folder; a crash in between is put right by the next vivd (machine/recover.ts). */
async function renameMachine(
  { machine: from, name }: CheckedParams<"machine.rename">,
  { world, work }: HandlerContext,
): Promise<MachineDetails> {
  const to = requireMachineName(name);
  const machine = world.library.find(from);
  const old = machine.name;
  if (to === old) return detailsOf(machine);
  if (world.library.has(to)) throw vivError("exists", `There is a machine ${to} already.`, "Choose another name.");
  if (machine.state.run)
    throw vivError(
      "wrong-state",
      `${old} is ${machine.view.status.state}; only a stopped machine can be renamed.`,
      `Stop it first: viv stop ${old}`,
    );
  await machine.refreshDefinition();
  const text = machine.definitionText;
  await machine.operate("rename", work, async (operation) => {
    await operation.step("renaming", { record: { to } });
    if (text !== undefined)
      await writeFileAtomically(machine.paths.definition, editDefinition(text, [{ path: ["name"], value: to }]), { durable: true });
    await operation.step("moving the folder");
    await rename(machine.paths.folder, world.library.folder(to)).catch(async (error: unknown) => {
      await nameAsFolder(machine);
      throw error;
    });
    await machine.moveTo(world.library.folder(to));
    world.library.renamed(machine, old);
    await syncFolder(world.home.machines);
    await operation.step("renamed");
  });
  return detailsOf(machine);
}

async function definitionOf(machine: Machine): Promise<Result<"machine.definition">> {
  const text = await readTextIfPresent(machine.paths.definition);
  if (text === undefined) throw vivError("damaged", `${machine.name}: vm.json is missing.`, "Restore it from a copy.");
  return { text, file: machine.paths.definition, running: runningDefinition(machine) ?? null };
}

async function execute(params: CheckedParams<"machine.exec">, { world, work }: HandlerContext): Promise<Result<"machine.exec">> {
  const outcome = await exec(world.library.find(params.machine), {
    command: params.command,
    ...(params.stdinBase64 === undefined ? {} : { stdin: Buffer.from(params.stdinBase64, "base64") }),
    environment: params.environment,
    ...(params.timeoutMs === undefined ? {} : { timeoutMs: params.timeoutMs }),
    way: params.way,
    signal: work.signal,
  });
  const { exitCode, signal, truncated, way, stdout, stderr } = outcome;
  return { exitCode, signal, truncated, way, stdoutBase64: stdout.toString("base64"), stderrBase64: stderr.toString("base64") };
}

/** What an agent refuses is left out; one that does not answer is asked nothing more. */
function refused(error: unknown): undefined {
  if (asVivError(error).code === "agent-unavailable") throw error;
}

async function guestInfo({ machine }: CheckedParams<"machine.guestInfo">, { world }: HandlerContext): Promise<Result<"machine.guestInfo">> {
  const agent = await requireSession(world.library.find(machine)).agent.client();
  const before = Date.now();
  const clock = await agent.time().catch(refused);
  const middle = (before + Date.now()) / 2;
  const [hostname, system, interfaces] = [
    (await agent.hostname().catch(refused)) ?? null,
    await agent.osInfo().catch(refused),
    (await agent.interfaces().catch(refused)) ?? [],
  ];
  return {
    hostname,
    osName: system?.prettyName ?? system?.name ?? null,
    kernel: system?.kernelRelease ?? null,
    addresses: interfaces
      .flatMap((each) => each.addresses.map(({ address }) => address))
      .filter((address) => !/^(127\.|::1$|fe80:)/.test(address)),
    clockOffsetMs: clock === undefined ? null : Math.round(clock - middle),
  };
}

async function readGuestFile(
  { machine, path, maximumBytes }: CheckedParams<"machine.readFile">,
  { world, work }: HandlerContext,
): Promise<Result<"machine.readFile">> {
  const agent = await requireSession(world.library.find(machine)).agent.client();
  const data = await agent.readFile(path, { limitBytes: maximumBytes, signal: work.signal });
  return { dataBase64: data.toString("base64") };
}

async function writeGuestFile(
  { machine, path, dataBase64 }: CheckedParams<"machine.writeFile">,
  { world, work }: HandlerContext,
): Promise<Result<"machine.writeFile">> {
  const agent = await requireSession(world.library.find(machine)).agent.client();
  const data = Buffer.from(dataBase64, "base64");
  await agent.writeFile(path, data, { signal: work.signal });
  return { bytes: data.length };
}

async function openSerial(
  { machine: name, replayBytes }: CheckedParams<"machine.openSerial">,
  { world, openStream }: HandlerContext,
): Promise<Result<"machine.openSerial">> {
  const machine = world.library.find(name);
  const session = requireSession(machine);
  const stream = await openStream(async (send, end) => {
    const attached = await session.serial.attach(send, end);
    return { receive: (data) => attached.write(data), close: () => attached.close() };
  });
  return {
    stream,
    replayBase64:
      replayBytes === 0 ? "" : Buffer.from(await readTail(join(machine.paths.logs, "serial.log"), replayBytes)).toString("base64"),
  };
}

async function displaySocket(machine: Machine): Promise<Result<"machine.displaySocket">> {
  requireSession(machine);
  const { transport } = await findChannels(machine);
  if (transport.kind === "tls")
    throw vivError(
      "host-cannot",
      "This host has no local sockets that a screen could be shown by.",
      `Take a picture instead: viv screenshot ${machine.name}`,
    );
  if (machine.effectiveDefinition?.display.type === "none") {
    throw vivError(
      "wrong-state",
      `${machine.name} has no screen.`,
      `Give it one: viv set ${machine.name} display.type=virtio, then restart it.`,
    );
  }
  return { path: machine.run.vnc, clipboard: machine.effectiveDefinition?.devices.clipboard ?? false };
}

const logFiles = { serial: "serial.log", qemu: "qemu.log", events: "events.jsonl" } as const;

async function logs(
  { machine: name, log, maximumBytes }: CheckedParams<"machine.logs">,
  { world }: HandlerContext,
): Promise<Result<"machine.logs">> {
  const file = join(world.library.find(name).paths.logs, logFiles[log]);
  return { text: await readTail(file, maximumBytes), file };
}
