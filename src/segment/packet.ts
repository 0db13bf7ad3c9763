/**
 * What rules and services need of a frame: a view that is filled again for each one. Truncated or malformed parts count
 * as absent. Sources: IEEE 802.3 and 802.1Q, RFC 791, RFC 8200, RFC 9293, RFC 768.
 */
export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const;
export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** An address's place in the buffer is kept, not its text: comparing makes no garbage. */
export class Packet {
  buffer: Buffer = Buffer.alloc(0);
  end = 0;
  /** Behind any VLAN tags; what lies behind them is at `network`. */
  etherType = 0;
  network = 0;
  /** 4, 6, or 0 for anything else. */
  version = 0;
  source = 0;
  destination = 0;
  addressBytes = 0;
  /** -1: not IP, or its header is broken. */
  protocol = -1;
  /** Where the protocol's own header begins. */
  transport = 0;
  /** A later piece of a fragmented packet: it has no ports. */
  fragment = false;
  /** -1: none (another protocol, a fragment, cut off). */
  sourcePort = -1;
  destinationPort = -1;

  read(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.end = end;
    this.version = 0;
    this.protocol = -1;
    this.fragment = false;
    this.sourcePort = -1;
    this.destinationPort = -1;
    this.etherType = start + 14 <= end ? buffer.readUInt16BE(start + 12) : 0;
    this.network = start + 14;
    for (let tags = 0; tags < 2 && isTag(this.etherType) && this.network + 4 <= end; tags += 1) {
      this.etherType = buffer.readUInt16BE(this.network + 2);
      this.network += 4;
    }
    if (this.etherType === etherTypes.ipv4) this.#readIpv4();
    else if (this.etherType === etherTypes.ipv6) this.#readIpv6();
    return this;
  }

  #readIpv4(): void {
    const { buffer, network } = this;
    if (network + 20 > this.end) return;
    const first = buffer[network] ?? 0;
    const headerBytes = (first & 15) * 4;
    if (first >> 4 !== 4 || headerBytes < 20 || network + headerBytes > this.end) return;
    const totalBytes = buffer.readUInt16BE(network + 2);
    if (totalBytes < headerBytes) return;
    // Short frames are padded to 60 bytes: the packet's own length counts.
    this.end = Math.min(this.end, network + totalBytes);
    this.version = 4;
    this.source = network + 12;
    this.destination = network + 16;
    this.addressBytes = 4;
    this.fragment = (buffer.readUInt16BE(network + 6) & 0x1fff) !== 0;
    this.#readTransport(buffer[network + 9] ?? 0, network + headerBytes);
  }

  #readIpv6(): void {
    const { buffer, network } = this;
    if (network + 40 > this.end || (buffer[network] ?? 0) >> 4 !== 6) return;
    this.version = 6;
    this.source = network + 8;
    this.destination = network + 24;
    this.addressBytes = 16;
    let next = buffer[network + 6] ?? 0;
    let at = network + 40;
    // Hop-by-hop, routing, destination options, fragment: each says what follows it. More than eight is nobody's packet.
    for (let extensions = 0; extensions < 8 && isExtension(next) && at + 8 <= this.end; extensions += 1) {
      if (next === 44) this.fragment ||= (buffer.readUInt16BE(at + 2) & 0xfff8) !== 0;
      const bytes = next === 44 ? 8 : ((buffer[at + 1] ?? 0) + 1) * 8;
      next = buffer[at] ?? 0;
      at += bytes;
    }
    this.#readTransport(next, at);
  }

  #readTransport(protocol: number, at: number): void {
    this.protocol = protocol;
    this.transport = at;
    if (this.fragment || (protocol !== protocols.tcp && protocol !== protocols.udp) || at + 4 > this.end) return;
    this.sourcePort = this.buffer.readUInt16BE(at);
    this.destinationPort = this.buffer.readUInt16BE(at + 2);
  }
}

function isTag(etherType: number): boolean {
  return etherType === etherTypes.vlan || etherType === etherTypes.serviceVlan;
}

function isExtension(header: number): boolean {
  return header === 0 || header === 43 || header === 44 || header === 60;
}
