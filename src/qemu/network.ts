import { type Definition, type Network, vivError } from "../model/index.ts";
import { pci } from "./board.ts";
import { bootIndex } from "./bootOrder.ts";
import { machineFile } from "./paths.ts";
import type { LaunchContext } from "./types.ts";
import { type JsonObject, option } from "./words.ts";

/** Names of adapter `index` inside QEMU. */
export function adapterNames(index: number): { uplink: string; hubPort: string; nicPort: string; device: string } {
  return { uplink: `u${index}`, hubPort: `h${index}`, nicPort: `n${index}`, device: `nic${index}` };
}

/**
 * Each adapter sits on a hub of its own: uplink `u0` – hub port `h0` – hub – port `n0` – `nic0`. The uplink can then be
 * taken away and replaced while the guest's carrier stays up (`netdev_del h0`, `u0`, add both again; docs/traps.md §6);
 * mode `none` is the same without an uplink. QEMU warns that such a hub “is not connected to host network”: it is meant so.
 */
export function networks(definition: Definition, context: LaunchContext): string[] {
  return definition.networks.flatMap((network, index) => {
    const names = adapterNames(index);
    const uplink = uplinkOf(definition, network, index, context);
    return [
      ...(uplink === undefined
        ? []
        : [...option("-netdev", uplink), ...option("-netdev", { type: "hubport", id: names.hubPort, hubid: index, netdev: names.uplink })]),
      ...option("-netdev", { type: "hubport", id: names.nicPort, hubid: index }),
      ...option("-device", nic(definition, network, index)),
    ];
  });
}

/** Commands to send before the processors first run: QEMU has no option for an unplugged cable. */
export function linksDown(definition: Definition): { execute: "set_link"; arguments: { name: string; up: false } }[] {
  return definition.networks.flatMap((network, index) =>
    network.linkUp ? [] : [{ execute: "set_link" as const, arguments: { name: adapterNames(index).device, up: false as const } }],
  );
}

function uplinkOf(definition: Definition, network: Network, index: number, context: LaunchContext): JsonObject | undefined {
  switch (network.mode) {
    case "nat":
      return slirp(definition, network, index, context);
    case "segment":
      return segment(network.network, index, context);
    case "none":
      return undefined;
  }
}

/**
 * A port of a segment's switch. QEMU dials again by itself when the segment was started anew; before 9.2 it counts in
 * seconds, before 8.0 it does not (`NetdevStreamOptions`, qapi/net.json).
 *
 * @throws VivError `host-cannot` on Windows, `qemu-too-old` before 8.0.
 */
function segment(name: string, index: number, context: LaunchContext): JsonObject {
  if (context.platform === "win32") {
    throw vivError("host-cannot", `Networks of machines (“${name}”) need local sockets, which Windows hosts do not have.`, "Use NAT.");
  }
  const [major, minor] = context.qemuVersion;
  if (major < 8) {
    throw vivError(
      "qemu-too-old",
      `Networks of machines (“${name}”) need QEMU 8.0 or newer; this is ${major}.${minor}.`,
      "Use the QEMU that comes with Vivarium.",
    );
  }
  const path = context.segments?.[index];
  if (path === undefined) throw vivError("internal", `Adapter ${index} was started without its network “${name}”.`);
  const again = major > 9 || (major === 9 && minor >= 2) ? { "reconnect-ms": 100 } : { reconnect: 1 };
  return { type: "stream", id: adapterNames(index).uplink, server: false, addr: { type: "unix", path }, ...again };
}

/** User-mode NAT. Adapter i is 10.0.(2+i).0/24 and fec0:0:0:i::/64, so that two of them in one guest never share a route. */
function slirp(definition: Definition, network: Network & { mode: "nat" }, index: number, context: LaunchContext): JsonObject {
  const forwards = context.forwards.filter((forward) => forward.adapter === index);
  return {
    type: "user",
    id: adapterNames(index).uplink,
    net: `10.0.${2 + index}.0/24`,
    "ipv6-prefix": index === 0 ? "fec0::" : `fec0:0:0:${index}::`,
    hostname: definition.name,
    hostfwd: forwards.length === 0 ? undefined : forwards.map((forward) => ({ str: forwardText(forward) })),
    tftp: network.netboot === undefined ? undefined : machineFile(context, network.netboot.directory),
    bootfile: network.netboot?.file,
  };
}

/**
 * slirp's own notation, `tcp:127.0.0.1:8080-:80`. The address is never left empty: that would listen everywhere.
 *
 * @throws VivError `host-cannot`: slirp listens on IPv4 only (“Bad host address”, QEMU 10.0).
 */
export function forwardText(forward: { protocol: "tcp" | "udp"; hostAddress: string; hostPort: number; guestPort: number }): string {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(forward.hostAddress)) {
    throw vivError(
      "host-cannot",
      `A NAT forward cannot listen on ${forward.hostAddress}: only on an IPv4 address.`,
      "Use hostAddress 127.0.0.1.",
    );
  }
  return `${forward.protocol}:${forward.hostAddress}:${forward.hostPort}-:${forward.guestPort}`;
}

function nic(definition: Definition, network: Network, index: number): JsonObject {
  const { device, nicPort } = adapterNames(index);
  return {
    driver: network.model === "virtio" ? "virtio-net-pci" : "e1000e",
    id: device,
    netdev: nicPort,
    mac: network.mac,
    ...pci.network(index),
    romfile: needsBootRom(definition, network) ? undefined : "",
    bootindex: bootIndex(definition, "network", index),
  };
}

/** iPXE in the adapter's ROM: for a BIOS, and for e1000e, which UEFI has no driver for. Otherwise it only takes time. */
function needsBootRom(definition: Definition, network: Network): boolean {
  if (!definition.bootOrder.includes("network")) return false;
  switch (definition.firmware.type) {
    case "direct-kernel":
      return false;
    case "bios":
      return true;
    case "uefi":
    case "uefi-secure":
      return network.model === "e1000e";
  }
}
