import { open, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { type Definition, vivError } from "../../model/index.ts";
import { cdromNames, deferred } from "../../qemu/index.ts";
import type { Work } from "../host.ts";
import type { Machine, Operation } from "../machine.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";
import { type RunningGuest, requireChangeable } from "./changeable.ts";
import { editMachine, recordRunning } from "./edit.ts";
import { changeMediumSteps, openTrayStep } from "./plan.ts";

/** The CD-ROM drive and what is in it. */
export interface Media {
  /** The guest has a drive; of a machine that is off: it will have one. */
  readonly drive: boolean;
  /** What is in it, as vm.json has it. */
  readonly file: string | null;
  /** The guest holds the tray. */
  readonly locked: boolean;
  /** A drive that vm.json has and the running guest has not: a restart brings it. */
  readonly needsRestart: boolean;
}

/** How long a guest that holds the tray may take to let go when it is asked. */
const trayTimeoutMs = 5000;

export async function showMedia(machine: Machine): Promise<Media> {
  await machine.refreshDefinition();
  const running = machine.state.run?.definition as Definition | undefined;
  const held = running ?? machine.state.suspended?.definition;
  const { cdrom } = (held as Definition | undefined) ?? machine.requireDefinition();
  const listed = machine.definition?.cdrom;
  const drive = cdrom !== undefined;
  const entry = running && drive && machine.session ? await driveOf(machine.session) : undefined;
  return {
    drive,
    file: (drive ? cdrom.file : listed?.file) ?? null,
    locked: entry?.locked === true,
    needsRestart: running !== undefined && !drive && listed !== undefined,
  };
}

/**
 * Puts an ISO into the drive, for the running guest too. A machine without a drive gets one at its next start.
 * @throws VivError `not-found`, `usage` for what is no ISO image, `locked` when the guest holds the tray and `force` is not given.
 */
export async function insertMedia(machine: Machine, request: { file: string; force: boolean }, work: Work): Promise<void> {
  await requireIso(request.file);
  await change(machine, request.file, request.force, work);
}

/** @throws VivError `wrong-state` for a machine without a drive, `locked`. */
export async function ejectMedia(machine: Machine, request: { force: boolean }, work: Work): Promise<void> {
  await change(machine, undefined, request.force, work);
}

async function change(machine: Machine, file: string | undefined, force: boolean, work: Work): Promise<void> {
  const guest = await requireChangeable(machine);
  if (file === undefined && machine.requireDefinition().cdrom === undefined && !guest?.definition.cdrom)
    throw vivError("wrong-state", `${machine.name} has no CD-ROM drive.`, `Give it one: viv cdrom insert ${machine.name} FILE`);
  await machine.operate("disk", work, async (operation) => {
    await operation.step("changing the medium", { record: { action: "media", ...(file === undefined ? {} : { file }) } });
    const drive = guest?.definition.cdrom !== undefined;
    if (guest && drive) await changeLive(guest, file, force, machine, operation);
    await writeMedium(machine, file);
    if (drive) await recordRunning(machine, (definition) => ({ ...definition, cdrom: file === undefined ? {} : { file } }));
  });
}

async function writeMedium(machine: Machine, file: string | undefined): Promise<void> {
  await editMachine(machine, ({ cdrom }) => {
    if (file === undefined) return cdrom?.file === undefined ? [] : [{ path: ["cdrom", "file"], value: undefined }];
    return [{ path: cdrom === undefined ? ["cdrom"] : ["cdrom", "file"], value: cdrom === undefined ? { file } : file }];
  });
}

async function changeLive(
  { session }: RunningGuest,
  file: string | undefined,
  force: boolean,
  machine: Machine,
  operation: Operation,
): Promise<void> {
  await openTray(session, force, machine, operation);
  const loaded = (await driveOf(session))?.inserted !== undefined;
  const context = { platform: machine.host.platform, machineDirectory: machine.paths.folder };
  await runSteps(session, changeMediumSteps({ loaded, file }, context));
}

/** A guest that holds the tray is asked first, as by the button on the drive. */
async function openTray(session: Session, force: boolean, machine: Machine, operation: Operation): Promise<void> {
  const { qmp } = session;
  const entry = await driveOf(session);
  if (entry?.tray_open === true) return;
  if (force || entry?.locked !== true) return runSteps(session, [openTrayStep(force)]);
  const opened = deferred<boolean>();
  const listening = qmp.on("DEVICE_TRAY_MOVED", (event) => event["tray-open"] && opened.resolve(true));
  const timer = setTimeout(() => opened.resolve(false), trayTimeoutMs);
  const abort = () => opened.resolve(false);
  operation.signal.addEventListener("abort", abort, { once: true });
  try {
    // Refused, as the tray is locked; the guest has the request now.
    await runSteps(session, [openTrayStep(false)]).catch(() => undefined);
    if ((await driveOf(session))?.tray_open === true || (await opened.promise)) return;
  } finally {
    clearTimeout(timer);
    operation.signal.removeEventListener("abort", abort);
    listening.dispose();
  }
  operation.signal.throwIfAborted();
  throw vivError("locked", `The guest of ${machine.name} holds the medium.`, "Unmount it in the guest, or take it out by force: --force");
}

async function driveOf(session: Session) {
  const devices = await session.qmp.execute("query-block");
  return devices.find(({ qdev }) => qdev === cdromNames.device || qdev === `/machine/peripheral/${cdromNames.device}`);
}

/** Where the volume descriptors of ISO 9660 and UDF begin, and what they say (ECMA-119, ECMA-167). */
const descriptorOffset = 32_768;
const descriptorNames = new Set(["CD001", "BEA01", "NSR02", "NSR03"]);

/** @throws VivError `usage`, `not-found`, `io-error`. */
async function requireIso(file: string): Promise<void> {
  if (!isAbsolute(file)) throw vivError("usage", `${file} is not an absolute path.`);
  const found = await stat(file).catch(() => undefined);
  if (!found) throw vivError("not-found", `There is no file ${file}.`);
  if (!found.isFile()) throw vivError("usage", `${file} is not a file.`);
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    throw vivError("io-error", `${file} cannot be read: ${error.message}`, "Check its owner and permissions.", error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(5), 0, 5, descriptorOffset + 1);
    if (bytesRead === 5 && descriptorNames.has(buffer.toString("latin1"))) return;
  } finally {
    await handle.close();
  }
  throw vivError("usage", `${file} is not an ISO image.`, `To use it as a disk: viv disk add NAME --file ${file}`);
}

/** After a crash: what is in the running guest's drive is written down; a machine that is off keeps what vm.json says. */
export async function settleMedia(machine: Machine, guest: RunningGuest | undefined): Promise<void> {
  if (!guest?.definition.cdrom) return;
  const { qmp } = guest.session;
  const entry = await driveOf(guest.session);
  const file = entry?.inserted?.image.filename;
  if (entry?.tray_open === true) await qmp.execute("blockdev-close-tray", { id: cdromNames.device }).catch(() => undefined);
  if (!entry?.inserted) await qmp.execute("blockdev-del", { "node-name": cdromNames.node }).catch(() => undefined);
  await writeMedium(machine, file);
  await recordRunning(machine, (definition) => ({ ...definition, cdrom: file === undefined ? {} : { file } }));
}
