import type { Subnet } from "./addresses.ts";
import type { Lease } from "./leases.ts";

/** DHCP for IPv4 as far as a guest needs it (RFC 2131, RFC 2132). Pure: a message in, a message out. */

export const dhcpPorts = { server: 67, client: 68 } as const;
const types = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7, inform: 8 } as const;
const options = {
  mask: 1,
  dns: 6,
  domain: 15,
  requestedAddress: 50,
  leaseTime: 51,
  type: 53,
  server: 54,
  renewal: 58,
  rebinding: 59,
} as const;
const cookie = 0x63825363;
const fixedBytes = 240;
/** A lease that never ends is renewed every half hour all the same: the guest then hears of changes. */
const leaseSeconds = 3600;

export interface DhcpRequest {
  readonly type: number;
  readonly transaction: Buffer;
  readonly flags: number;
  readonly mac: number;
  readonly currentAddress: number;
  readonly requestedAddress: number | undefined;
  readonly server: number | undefined;
}

/** A client's message; undefined for anything that is none, in whatever way. */
export function parseDhcp(message: Buffer): DhcpRequest | undefined {
  if (message.length < fixedBytes || message[0] !== 1 || message[1] !== 1 || message[2] !== 6) return undefined;
  if (message.readUInt32BE(236) !== cookie) return undefined;
  const found = readOptions(message);
  const [type] = found.get(options.type) ?? [];
  if (type === undefined) return undefined;
  return {
    type,
    transaction: message.subarray(4, 8),
    flags: message.readUInt16BE(10),
    mac: message.readUIntBE(28, 6),
    currentAddress: message.readUInt32BE(12),
    requestedAddress: addressOption(found.get(options.requestedAddress)),
    server: addressOption(found.get(options.server)),
  };
}

function readOptions(message: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = fixedBytes; at < message.length && message[at] !== 255; ) {
    if (message[at] === 0) {
      at += 1;
      continue;
    }
    const length = message[at + 1];
    if (length === undefined || at + 2 + length > message.length) break;
    found.set(message[at] ?? 0, message.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

function addressOption(value: Buffer | undefined): number | undefined {
  return value?.length === 4 ? value.readUInt32BE(0) : undefined;
}

export interface DhcpServer {
  /** The segment's own address: server, and who answers names. */
  readonly address: number;
  readonly subnet: Subnet;
  readonly domain: string;
  /** The lease of a MAC behind the port `asker`, made when there is none yet; undefined: none is left. */
  lease(mac: number, asker: string): Lease | undefined;
  /** As `lease`, without making one. */
  known(mac: number): Lease | undefined;
  release(mac: number): void;
}

/** What the server says, if it says anything. */
export function answerDhcp(request: DhcpRequest, asker: string, server: DhcpServer): Buffer | undefined {
  switch (request.type) {
    case types.discover: {
      const lease = server.lease(request.mac, asker);
      return lease && reply(request, types.offer, lease.address, server);
    }
    case types.request:
      return answerRequest(request, asker, server);
    case types.inform:
      return reply(request, types.ack, 0, server);
    case types.release:
      server.release(request.mac);
      return undefined;
    default:
      return undefined;
  }
}

/** Taking an offer, renewing, or coming back after a reboot (RFC 2131 §4.3.2). */
function answerRequest(request: DhcpRequest, asker: string, server: DhcpServer): Buffer | undefined {
  if (request.server !== undefined && request.server !== server.address) return undefined;
  const wanted = request.requestedAddress ?? request.currentAddress;
  const lease = server.known(request.mac) ?? server.lease(request.mac, asker);
  if (lease === undefined || lease.address !== wanted) return reply(request, types.nak, 0, server);
  return reply(request, types.ack, lease.address, server);
}

function reply(request: DhcpRequest, type: number, address: number, server: DhcpServer): Buffer {
  const fixed = Buffer.alloc(fixedBytes);
  fixed.set([2, 1, 6, 0]);
  request.transaction.copy(fixed, 4);
  fixed.writeUInt16BE(request.flags, 10);
  if (type === types.ack) fixed.writeUInt32BE(request.currentAddress, 12);
  fixed.writeUInt32BE(address, 16);
  if (type !== types.nak) fixed.writeUInt32BE(server.address, 20);
  fixed.writeUIntBE(request.mac, 28, 6);
  fixed.writeUInt32BE(cookie, 236);
  const parts = [fixed, option(options.type, Buffer.of(type)), option(options.server, number(server.address))];
  if (type !== types.nak) {
    parts.push(option(options.mask, number(server.subnet.mask)), option(options.dns, number(server.address)));
    parts.push(option(options.domain, Buffer.from(server.domain, "latin1")));
    if (address !== 0) {
      parts.push(option(options.leaseTime, number(leaseSeconds)), option(options.renewal, number(leaseSeconds / 2)));
      parts.push(option(options.rebinding, number((leaseSeconds * 7) / 8)));
    }
  }
  parts.push(Buffer.of(255));
  const message = Buffer.concat(parts);
  // BOOTP's least (RFC 1542 §2.1): some clients drop what is shorter.
  return message.length >= 300 ? message : Buffer.concat([message], 300);
}

function option(code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(code, value.length), value]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes;
}
