import { type Definition, type PluggedShare, type Sharing, vivError } from "../model/index.ts";
import { pci, sharePorts } from "./board.ts";
import { hostPath } from "./paths.ts";
import type { LaunchContext } from "./types.ts";
import { type JsonObject, json, keyValues, option } from "./words.ts";

/**
 * Shared folders. Their devices are plugged when the guest is there to mount them and taken away before its memory is
 * saved, so no saved state ever needs the host's folder. On the command line is only what cannot come later: memory
 * that virtiofsd can map, the ports, and 9p's servers (`-fsdev` has no command).
 */

/**
 * What the command line gives for shares; undefined: the machine is not for sharing, or this host can serve none. An
 * empty list is for those that come while it runs.
 */
export function sharingOf(
  { shares }: Pick<Definition, "shares">,
  context: Pick<LaunchContext, "platform" | "runDirectory" | "virtiofs" | "sharePaths" | "memoryFile">,
): Sharing | undefined {
  const { platform, virtiofs = false, sharePaths = {} } = context;
  if (shares === undefined) return undefined;
  // A fork's memory is the template's, which nobody else may map.
  const own = context.memoryFile === undefined;
  const memory = platform === "linux" && virtiofs && own && (shares.length === 0 || shares.some(({ kind }) => kind !== "9p"));
  if (!(memory || has9p(platform))) return undefined;
  const by9p = shares.filter(({ kind }) => kind !== "virtiofs");
  const served = by9p.map(({ tag, path, readOnly }) => [tag, { path: sharePaths[tag] ?? path, readOnly }] as const);
  const doctor = [doctorTag, { path: doctorFolder(context), readOnly: false }] as const;
  return { memory, servers: has9p(platform) ? Object.fromEntries([...served, doctor]) : {} };
}

/** 9p's server is a part of QEMU, but not of QEMU for Windows. */
export function has9p(platform: LaunchContext["platform"]): boolean {
  return platform !== "win32";
}

/** Names inside QEMU. The server's are of the start, the others of the device. */
export function shareNames(tag: string): { server: string; device: string; socket: string } {
  return { server: `files-${tag}`, device: `share-${tag}`, socket: `socket-${tag}` };
}

/** The tag of what the doctor measures with: no share can be named so. */
export const doctorTag = "Doctor";

export function doctorFolder(context: Pick<LaunchContext, "platform" | "runDirectory">): string {
  return hostPath(context.platform).join(context.runDirectory, "doctor");
}

export function shares(definition: Definition, context: LaunchContext): string[] {
  const sharing = sharingOf(definition, context);
  if (!sharing) return [];
  return [...ports(), ...Object.entries(sharing.servers).flatMap(([tag, { path, readOnly }]) => server9p(tag, path, readOnly))];
}

/** No I/O ports are kept for what may come: x86 has few, and these devices use none. */
function ports(): string[] {
  return Array.from({ length: sharePorts }, (_, index) =>
    option("-device", {
      driver: "pcie-root-port",
      id: portName(index),
      chassis: 17 + index,
      slot: 17 + index,
      "io-reserve": 0,
      ...pci.sharePort(index),
    }),
  ).flat();
}

function portName(port: number): string {
  return `share${port}`;
}

/** `none`: files are the user's who runs QEMU, with their modes; what the guest wants of owners is not kept. */
function server9p(tag: string, path: string, readOnly: boolean): string[] {
  const { server } = shareNames(tag);
  const values = { id: server, path, security_model: "none", multidevs: "remap", readonly: readOnly || undefined };
  return ["-fsdev", keyValues("local", values)];
}

/** One command of QMP, as `machine/snapshots/plan.ts` runs them. */
export type ShareStep =
  | { readonly execute: "chardev-add"; readonly arguments: { id: string; backend: { type: "socket"; data: JsonObject } } }
  | { readonly execute: "device_add"; readonly arguments: { driver: string; id: string } & Record<string, unknown> };

export function plugShare({ tag, kind, port }: Pick<PluggedShare, "tag" | "kind" | "port">, socket: string): ShareStep[] {
  const { device, server, socket: chardev } = shareNames(tag);
  if (port < 0 || port >= sharePorts) throw vivError("internal", `There is no port ${port} for a share.`);
  const place = { id: device, bus: portName(port) };
  if (kind === "9p") return [{ execute: "device_add", arguments: { driver: "virtio-9p-pci", fsdev: server, mount_tag: tag, ...place } }];
  const data: JsonObject = { addr: { type: "unix", data: { path: socket } }, server: false };
  json(data);
  return [
    { execute: "chardev-add", arguments: { id: chardev, backend: { type: "socket", data } } },
    { execute: "device_add", arguments: { driver: "vhost-user-fs-pci", chardev, tag, "queue-size": 1024, ...place } },
  ];
}
