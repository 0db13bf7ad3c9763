import type { Definition } from "../model/index.ts";
import { pci } from "./board.ts";
import { channelAddress } from "./channels.ts";
import type { LaunchContext } from "./types.ts";
import { type JsonObject, keyValues, option, requirePlain } from "./words.ts";

/** Where spice-vdagent in the guest listens (spice-protocol, `VD_AGENT`). */
const clipboardPort = "com.redhat.spice.0";

/**
 * Screen, VNC server, keyboard and pointer. A headless machine has none of them. An x86 machine has its board's PS/2
 * keyboard and no other: QEMU gives keys to a virtio keyboard as soon as the guest's driver takes it up, and a key held
 * at that moment would stay pressed on the PS/2 one for ever (docs/traps.md §8).
 */
export function display(definition: Definition, context: LaunchContext): string[] {
  if (definition.display.type === "none") return [];
  return [
    ...option("-device", screen(definition)),
    ...vnc(context),
    ...(definition.architecture === "x86_64"
      ? []
      : option("-device", { driver: "virtio-keyboard-pci", id: "keyboard", ...pci.shared("keyboard") })),
    ...clipboard(definition),
    ...(definition.devices.tablet ? option("-device", { driver: "virtio-tablet-pci", id: "tablet", ...pci.shared("tablet") }) : []),
  ];
}

/** QEMU speaks to the guest's spice-vdagent itself and to VNC clients; pointers go by the tablet. QEMU 10.0 cannot migrate it. */
function clipboard(definition: Definition): string[] {
  if (!definition.devices.clipboard) return [];
  return [
    ...["-chardev", keyValues("qemu-vdagent", { id: "clipboard", name: "vdagent", clipboard: true, mouse: false })],
    ...option("-device", {
      driver: "virtserialport",
      id: "clipboard-port",
      bus: "ports.0",
      nr: 3,
      chardev: "clipboard",
      name: clipboardPort,
    }),
  ];
}

/** The first mode a guest is told by EDID is the wanted size. `ramfb` has no EDID: its firmware chooses. */
function screen(definition: Definition): JsonObject {
  const { type, width, height } = definition.display;
  const x86 = definition.architecture === "x86_64";
  const size = { edid: true, xres: width, yres: height };
  if (type === "virtio") return { driver: x86 ? "virtio-vga" : "virtio-gpu-pci", id: "screen", ...pci.display, max_outputs: 1, ...size };
  // A PCI frame buffer shows stale pixels on arm64 hosts with KVM or HVF (device memory mapped uncached in the guest).
  return x86 ? { driver: "VGA", id: "screen", ...pci.display, ...size } : { driver: "ramfb", id: "screen" };
}

/** JPEG is left to the client to ask for; nobody who can look may power the machine off. */
function vnc(context: LaunchContext): string[] {
  const keyboard = context.keyboardLayout === undefined ? [] : ["-k", requirePlain(context.keyboardLayout)];
  const address = channelAddress(context, "vnc");
  const settings = { share: "force-shared", "power-control": false };
  if (address.kind === "unix") return [...keyboard, "-vnc", keyValues(`unix:${address.path}`, settings)];
  const { transport } = context;
  if (transport.kind !== "tls" || transport.certificateDirectory === undefined) return [];
  const credentials = {
    "qom-type": "tls-creds-x509",
    id: "tls-vnc",
    endpoint: "server",
    dir: transport.certificateDirectory,
    "verify-peer": true,
  };
  // VNC counts displays from port 5900.
  const server = keyValues(`${address.host}:${address.port - 5900}`, { "tls-creds": "tls-vnc", ...settings });
  return [...keyboard, ...option("-object", credentials), "-vnc", server];
}
