import { access, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Toolchain } from "../backends/index.ts";
import { type Definition, vivError } from "../model/index.ts";
import type { FirmwareFiles } from "../qemu/index.ts";
import { diskLayout } from "./disks/layout.ts";
import { inFolder, type MachinePaths } from "./folder.ts";
import { loadSnapshots, nvramBase } from "./layers.ts";
import { qemuImg } from "./qemuImg.ts";

/**
 * The UEFI firmware of a machine and the variables that belong to it; undefined for a machine without UEFI. Variables
 * that are not there yet are made from the firmware's template: when the machine is created, or when its firmware was
 * changed. Each kind of firmware keeps a file of its own: the template of `uefi-secure` holds the keys of Secure Boot, and
 * a variable store without them would silently start anything.
 *
 * Snapshots lay layers over them as over disks; what is current then is in snapshots.json.
 *
 * @throws VivError `host-cannot` when this QEMU has no such firmware, `disk-full`.
 */
export async function uefiFiles(paths: MachinePaths, definition: Definition, toolchain: Toolchain): Promise<FirmwareFiles | undefined> {
  const kind = definition.firmware.type;
  if (kind !== "uefi" && kind !== "uefi-secure") return undefined;
  // The other architecture's firmware comes in the pack of its emulator, which is unpacked when it is first asked for.
  await toolchain.emulator(definition.architecture);
  const firmware = toolchain.firmware(definition.architecture, kind);
  if (!firmware?.vars)
    throw vivError(
      "host-cannot",
      `This QEMU comes without ${kind} firmware for ${definition.architecture}.`,
      "Use the bundled QEMU, or install the package ovmf (qemu-efi-aarch64).",
    );
  const base = nvramBase(definition);
  if (!base) return undefined;
  const layer = (await loadSnapshots(paths)).current.layers[base.key];
  if (layer !== undefined && layer !== base.file) {
    const { file, backingChain } = await diskLayout({ id: base.key, file: inFolder(paths.folder, layer), format: "qcow2" }, paths.folder);
    if (file !== undefined) return { code: firmware.code, vars: file, varsChain: backingChain };
  }
  const vars = join(paths.folder, base.file);
  const present = await access(vars).then(
    () => true,
    () => false,
  );
  if (!present) {
    // qcow2, so that snapshots include them; whole or not at all.
    await qemuImg(toolchain, ["convert", "-q", "-f", "raw", "-O", "qcow2", firmware.vars, `${vars}.new`], paths.folder);
    await rename(`${vars}.new`, vars);
  }
  return { code: firmware.code, vars };
}
