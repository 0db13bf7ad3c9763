import { access, constants } from "node:fs/promises";
import { type Definition, memoryBytes, vivError } from "../model/index.ts";
import { inFolder } from "./folder.ts";
import type { Machine } from "./machine.ts";

/** What must be so before a machine starts; each says what is missing and what to do. */

/** @throws VivError `not-enough-memory`, `host-cannot`. */
export function requireCapacity(machine: Machine, definition: Definition): void {
  const { host } = machine;
  const wanted = memoryBytes(definition);
  if (wanted > host.memoryBytes) {
    throw vivError(
      "not-enough-memory",
      `${machine.name} wants ${definition.memory} of memory; this host has ${Math.floor(host.memoryBytes / 1024 ** 2)}M.`,
      `Run: viv set ${machine.name} memory=512M`,
    );
  }
  if (definition.cpus > host.cores * 4) {
    throw vivError(
      "host-cannot",
      `${machine.name} wants ${definition.cpus} processors; this host has ${host.cores}.`,
      `Run: viv set ${machine.name} cpus=${host.cores}`,
    );
  }
}

/** The guest's address on vsock: 0–2 and the last one are taken (vsock(7)). From the machine's id, so that it stays. */
export function vsockCid(id: string): number {
  return 3 + (Number.parseInt(id.slice(0, 8), 16) % (2 ** 32 - 4));
}

export async function requireVsock(machine: Machine, definition: Definition): Promise<void> {
  if (!definition.devices.vsock || machine.host.platform !== "linux") return;
  await access("/dev/vhost-vsock", constants.R_OK | constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    const hint =
      error.code === "EACCES"
        ? "Let your user open it: sudo setfacl -m u:$USER:rw /dev/vhost-vsock"
        : "Load the module: sudo modprobe vhost_vsock";
    throw vivError(
      "host-cannot",
      `${machine.name} wants vsock, and this host's /dev/vhost-vsock ${error.code === "EACCES" ? "may not be opened" : "is missing"}.`,
      `${hint}, or run: viv set ${machine.name} devices.vsock=false`,
    );
  });
}

export async function requireMedia(machine: Machine, definition: Definition): Promise<void> {
  const media = [
    definition.cdrom?.file,
    ...(definition.firmware.type === "direct-kernel" ? [definition.firmware.kernel, definition.firmware.initrd] : []),
  ];
  for (const file of media) {
    if (file === undefined) continue;
    const path = inFolder(machine.paths.folder, file);
    await access(path).catch(() => {
      throw vivError("damaged", `${machine.name}: ${path} is missing.`, "Put the file back, or change vm.json.");
    });
  }
}
