import { type Definition, vivError } from "../model/index.ts";
import { pci } from "./board.ts";
import { channelAddress } from "./channels.ts";
import { hostPath } from "./paths.ts";
import type { ChannelName, LaunchContext } from "./types.ts";
import { keyValues, option } from "./words.ts";

/** Everything with a socket: two monitors, the serial console, the two agents' ports. */
export function characterDevices(definition: Definition, context: LaunchContext): string[] {
  return [...credentials(context), ...monitors(context), ...serialConsole(definition, context), ...agentPorts(context)];
}

const keysId = "tls";

/** The pre-shared key of the machine's channels, where they are TCP. */
function credentials(context: LaunchContext): string[] {
  const { transport } = context;
  if (transport.kind === "unix") return [];
  return option("-object", { "qom-type": "tls-creds-psk", id: keysId, endpoint: "server", dir: transport.credentialsDirectory });
}

function socket(context: LaunchContext, id: string, channel: ChannelName, extra: Record<string, string | boolean> = {}): string[] {
  const address = channelAddress(context, channel);
  const where = address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
  const tls = address.kind === "unix" ? {} : { "tls-creds": keysId };
  return ["-chardev", keyValues("socket", { id, ...where, server: true, wait: false, ...tls, ...extra })];
}

/**
 * `control` for us, `rescue` for the day `control` hangs (out-of-band commands only). A socket serves one client,
 * a second one waits without a word (docs/traps.md §1).
 */
function monitors(context: LaunchContext): string[] {
  return (["control", "rescue"] as const).flatMap((name) => [...socket(context, name, name), "-mon", `chardev=${name},mode=control`]);
}

/** The first serial port, on a socket; all of it is also appended to `serial.log`, whoever is connected. */
function serialConsole(definition: Definition, context: LaunchContext): string[] {
  const logfile = hostPath(context.platform).join(context.logDirectory, "serial.log");
  const chardev = socket(context, "serial", "serial", { logfile, logappend: true });
  // The PL011 of the virt board is part of it and takes its back end from -serial.
  if (definition.architecture === "aarch64") return [...chardev, "-serial", "chardev:serial"];
  return [...chardev, ...option("-device", { driver: "isa-serial", id: "serial0", chardev: "serial", index: 0 })];
}

/** Port 1 is qemu-guest-agent's, port 2 our own agent's. */
function agentPorts(context: LaunchContext): string[] {
  return [
    ...option("-device", { driver: "virtio-serial-pci", id: "ports", ...pci.shared("serial") }),
    ...agentPort(context, 1, "agent", "agent", "org.qemu.guest_agent.0"),
    ...agentPort(context, 2, "viv-agent", "vivAgent", "dev.vivarium.agent.0"),
  ];
}

function agentPort(context: LaunchContext, nr: number, id: string, channel: ChannelName, name: string): string[] {
  return [
    ...socket(context, id, channel),
    ...option("-device", { driver: "virtserialport", id: `${id}-port`, bus: "ports.0", nr, chardev: id, name }),
  ];
}

/** TPM 2.0 by swtpm, which listens before QEMU starts and leaves with it. */
export function tpm(definition: Definition, context: LaunchContext): string[] {
  if (!definition.devices.tpm) return [];
  if (context.platform === "win32") {
    throw vivError("host-cannot", "A TPM cannot be emulated on Windows hosts.", "Set devices.tpm to false.");
  }
  if (context.tpmSocket === undefined) throw vivError("internal", "A machine with a TPM was started without swtpm.");
  const driver = definition.architecture === "aarch64" ? "tpm-tis-device" : "tpm-crb";
  return [
    ...["-chardev", keyValues("socket", { id: "tpm", path: context.tpmSocket })],
    ...["-tpmdev", keyValues("emulator", { id: "tpm0", chardev: "tpm" })],
    ...option("-device", { driver, id: "tpm-device", tpmdev: "tpm0" }),
  ];
}
