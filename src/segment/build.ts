import { headerBytes } from "./frames.ts";
import { etherTypes, protocols } from "./packet.ts";

/** Frames of the segment's own, each in a buffer with QEMU's header before it. */

export interface Ends {
  readonly sourceMac: number;
  readonly destinationMac: number;
  readonly source: number;
  readonly destination: number;
}

const ethernetBytes = 14;
const ipv4Bytes = 20;
const udpBytes = 8;

/** An Ethernet frame with `payloadBytes` to be filled in behind its header. @returns the buffer and where the payload begins */
export function ethernetFrame(
  sourceMac: number,
  destinationMac: number,
  etherType: number,
  payloadBytes: number,
): { buffer: Buffer; payload: number } {
  // Ethernet's least is 60 bytes without the checksum (IEEE 802.3 §4.2.3.3).
  const bytes = Math.max(60, ethernetBytes + payloadBytes);
  const buffer = Buffer.alloc(headerBytes + bytes);
  buffer.writeUInt32BE(bytes, 0);
  buffer.writeUIntBE(destinationMac, headerBytes, 6);
  buffer.writeUIntBE(sourceMac, headerBytes + 6, 6);
  buffer.writeUInt16BE(etherType, headerBytes + 12);
  return { buffer, payload: headerBytes + ethernetBytes };
}

export function ipv4Frame(ends: Ends, protocol: number, payload: Uint8Array): Buffer {
  const { buffer, payload: at } = ethernetFrame(ends.sourceMac, ends.destinationMac, etherTypes.ipv4, ipv4Bytes + payload.length);
  buffer[at] = 0x45;
  buffer.writeUInt16BE(ipv4Bytes + payload.length, at + 2);
  // Do not fragment: then the identification may be 0 (RFC 6864).
  buffer.writeUInt16BE(0x4000, at + 6);
  buffer[at + 8] = 64;
  buffer[at + 9] = protocol;
  buffer.writeUInt32BE(ends.source, at + 12);
  buffer.writeUInt32BE(ends.destination, at + 16);
  buffer.writeUInt16BE(checksum(buffer, at, at + ipv4Bytes), at + 10);
  buffer.set(payload, at + ipv4Bytes);
  return buffer;
}

export function udpFrame(ends: Ends, sourcePort: number, destinationPort: number, payload: Uint8Array): Buffer {
  const datagram = Buffer.alloc(udpBytes + payload.length);
  datagram.writeUInt16BE(sourcePort, 0);
  datagram.writeUInt16BE(destinationPort, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.set(payload, udpBytes);
  datagram.writeUInt16BE(udpChecksum(ends, datagram), 6);
  return ipv4Frame(ends, protocols.udp, datagram);
}

function udpChecksum(ends: Ends, datagram: Buffer): number {
  const pseudo = Buffer.alloc(12 + datagram.length);
  pseudo.writeUInt32BE(ends.source, 0);
  pseudo.writeUInt32BE(ends.destination, 4);
  pseudo[9] = protocols.udp;
  pseudo.writeUInt16BE(datagram.length, 10);
  datagram.copy(pseudo, 12);
  // 0 would mean “none” (RFC 768).
  return checksum(pseudo, 0, pseudo.length) || 0xffff;
}

/** RFC 1071. */
export function checksum(buffer: Buffer, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at + 1 < end; at += 2) sum += buffer.readUInt16BE(at);
  if ((end - start) % 2 === 1) sum += (buffer[end - 1] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}
