import { dirname, join } from "node:path";
import type { Host } from "./host.ts";
import type { Architecture, Firmware, FirmwareKind } from "./types.ts";

type Lookup = (architecture: Architecture, kind: FirmwareKind) => Firmware | undefined;

/** Where distributions keep UEFI images: code and the variables to copy, per kind; the first pair that exists is taken. */
const places: Record<Architecture, Partial<Record<FirmwareKind, readonly (readonly [code: string, vars: string])[]>>> = {
  x86_64: {
    uefi: [
      ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"], // Debian, Ubuntu
      ["/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"], // Fedora
      ["/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"], // Arch
      ["<data>/edk2-x86_64-code.fd", "<data>/edk2-i386-vars.fd"], // QEMU's own
    ],
    "uefi-secure": [
      ["/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"],
      ["/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd"],
    ],
  },
  aarch64: {
    uefi: [
      ["/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"],
      ["/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"],
      ["/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"],
      ["/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd"],
      ["<data>/edk2-aarch64-code.fd", "<data>/edk2-arm-vars.fd"],
    ],
    "uefi-secure": [["/usr/share/AAVMF/AAVMF_CODE.secboot.fd", "/usr/share/AAVMF/AAVMF_VARS.ms.fd"]],
  },
};

/** The firmware of an installed QEMU. `emulatorFolder` is where its programs are: Homebrew and Windows keep data near them. */
export async function systemFirmware(host: Host, emulatorFolder: string): Promise<Lookup> {
  const dataFolders =
    host.platform === "win32"
      ? [join(emulatorFolder, "share"), emulatorFolder]
      : [join(dirname(emulatorFolder), "share", "qemu"), "/usr/share/qemu"];
  const found = new Map<string, Firmware>();
  for (const architecture of ["x86_64", "aarch64"] as const) {
    for (const [kind, pairs] of Object.entries(places[architecture])) {
      const pair = await firstPair(host, pairs, dataFolders);
      if (pair) found.set(`${architecture} ${kind}`, pair);
    }
  }
  return (architecture, kind) => found.get(`${architecture} ${kind}`);
}

async function firstPair(
  host: Host,
  pairs: readonly (readonly [string, string])[],
  dataFolders: readonly string[],
): Promise<Firmware | undefined> {
  for (const [code, vars] of pairs) {
    const folders = code.startsWith("<data>/") ? dataFolders : [""];
    for (const folder of folders) {
      const firmware = { code: code.replace("<data>", folder), vars: vars.replace("<data>", folder) };
      if ((await host.stat(firmware.code)) && (await host.stat(firmware.vars))) return firmware;
    }
  }
  return undefined;
}
