import { type Definition, memoryBytes, vivError } from "../model/index.ts";
import { boardOf } from "./board.ts";
import { firmwareMachineProperties } from "./firmware.ts";
import { sharingOf } from "./shares.ts";
import type { LaunchContext } from "./types.ts";
import { type JsonObject, keyValues, option, requirePlain } from "./words.ts";

/** QOM id of the guest's memory: snapshots and forks map the same block by this name. */
export const memoryId = "ram";

/** Who the machine is: `-name`, `-uuid`. */
export function identity(definition: Definition): string[] {
  return ["-name", keyValues(undefined, { guest: definition.name }), "-uuid", definition.id];
}

/**
 * Nothing that was not asked for: no default devices, no configuration files of the user, no window.
 * Time stamps in front of QEMU's own messages; `-action` so that a guest which powers off ends the process
 * (the reason comes by the SHUTDOWN event), and one that panics or hangs can be looked at. A fork that restarts ends:
 * it is started again with memory of its own, and with its kernel.
 */
export function behaviour(context: LaunchContext): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-msg", "timestamp=on"],
    ...[
      "-action",
      `reboot=${context.memoryFile?.mapping === "private" ? "shutdown" : "reset"},shutdown=poweroff,panic=pause,watchdog=pause`,
    ],
    ...["-rtc", "base=utc,clock=host"],
    ...(context.paused ? ["-S"] : []),
    ...(context.incoming ? ["-incoming", "defer"] : []),
  ];
}

export function dataDirectories(context: LaunchContext): string[] {
  return context.dataDirectories.flatMap((directory) => ["-L", requirePlain(directory)]);
}

/**
 * The board, its memory and its processors.
 *
 * - `hpet=off`: under TCG a guest would pick it as clock source, and each reading is a device access (docs/traps.md §4).
 * - `sata=off,smbus=off,vmport=off`: nobody uses them, and they cost 5 ms at the start (docs/traps.md §4).
 * - `mem-merge=off`: KSM is a side channel between machines; `dump-guest-core=off`: memory holds secrets.
 */
export function board(definition: Definition, context: LaunchContext): string[] {
  const bytes = memoryBytes(definition);
  // Without graphics SeaBIOS and the boot loaders after it speak on the serial port.
  const graphics = definition.display.type === "none" ? { graphics: false } : {};
  const pcOnly = boardOf(definition) === "q35" ? { hpet: false, vmport: false, sata: false, smbus: false, ...graphics } : {};
  const machine = keyValues(definition.machineType, {
    "memory-backend": memoryId,
    ...pcOnly,
    ...firmwareMachineProperties(definition, context),
    "mem-merge": false,
    "dump-guest-core": false,
  });
  const model = definition.cpuModel === "auto" ? context.accelerator.cpuModel : definition.cpuModel;
  return [
    ...["-machine", machine],
    ...context.accelerator.arguments,
    ...["-cpu", requirePlain(model)],
    ...["-smp", keyValues(String(definition.cpus), { sockets: 1, cores: definition.cpus, threads: 1 })],
    ...["-m", `size=${bytes / 1024 ** 2}M`],
    ...option("-object", memoryObject(definition, bytes, context)),
  ];
}

/**
 * `rom=off`: the guest's memory can be written although the file behind it cannot (QEMU ≥ 8.2). virtiofsd reads and writes
 * the guest's memory itself, which for that must be a file of its own.
 */
function memoryObject(definition: Definition, bytes: number, context: LaunchContext): JsonObject {
  const { memoryFile, platform } = context;
  const common = { id: memoryId, size: bytes };
  if (sharingOf(definition, context)?.memory) return { "qom-type": "memory-backend-memfd", ...common, share: true };
  if (memoryFile === undefined) return { "qom-type": "memory-backend-ram", ...common };
  if (platform === "win32") throw vivError("host-cannot", "Memory cannot be a file on Windows hosts.");
  const backend = { "qom-type": "memory-backend-file", ...common, "mem-path": memoryFile.file };
  return memoryFile.mapping === "shared" ? { ...backend, share: true } : { ...backend, share: false, readonly: true, rom: "off" };
}

/**
 * seccomp, with the four denials libvirt uses. `spawn=deny` ends QEMU with SIGSYS when anything makes it start
 * a program (`exec:` migration, slirp's smb and guestfwd-cmd, bridge helper): never use those.
 */
export function sandbox(context: LaunchContext): string[] {
  if (!context.sandbox || context.platform !== "linux") return [];
  return ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"];
}

/** QEMU before 7.2 takes no JSON for `-netdev`; the bundle and Debian 12 are newer. */
export function requireVersion(context: LaunchContext): void {
  const [major, minor] = context.qemuVersion;
  if (major > 7 || (major === 7 && minor >= 2)) return;
  throw vivError(
    "qemu-too-old",
    `QEMU ${major}.${minor} is too old; Vivarium needs 7.2 or newer.`,
    "Use the bundled QEMU: clear the setting vivarium.qemuPath.",
  );
}
