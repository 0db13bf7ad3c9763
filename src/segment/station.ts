import type { Subnet } from "./addresses.ts";
import { checksum, ethernetFrame, ipv4Frame, udpFrame } from "./build.ts";
import { answerDhcp, type DhcpServer, dhcpPorts, parseDhcp } from "./dhcp.ts";
import { answerDns, dnsPort, type Names } from "./dns.ts";
import { etherTypes, type Packet, protocols } from "./packet.ts";

/** The segment's own address on itself: a locally administered MAC, and the first address of the subnet. */
export const stationMac = 0x0a5656000001;
const broadcastMac = 0xffffffffffff;

export interface StationServices {
  readonly dhcp: DhcpServer | undefined;
  readonly names: Names;
}

/** What the segment itself says on the wire: it answers ARP, ping, DHCP and names, and nothing else. */
export class Station {
  readonly address: number;
  readonly #services: StationServices;
  readonly #send: (frame: Buffer) => void;

  constructor(subnet: Subnet, services: StationServices, send: (frame: Buffer) => void) {
    this.address = subnet.network + 1;
    this.#services = services;
    this.#send = send;
  }

  /** Looks at a frame that may be for it, from the port `asker`. @returns true when nobody else is to have it */
  receive(packet: Packet, start: number, asker: string): boolean {
    const { buffer } = packet;
    if (packet.etherType === etherTypes.arp) {
      this.#answerArp(packet, start);
      return false;
    }
    if (packet.version !== 4 || packet.fragment) return false;
    if (this.#services.dhcp !== undefined && packet.protocol === protocols.udp && packet.destinationPort === dhcpPorts.server) {
      this.#answerDhcp(packet, start, asker, this.#services.dhcp);
      return true;
    }
    if (buffer.readUInt32BE(packet.destination) !== this.address) return false;
    if (packet.protocol === protocols.icmp) this.#answerPing(packet, start);
    else if (packet.protocol === protocols.udp && packet.destinationPort === dnsPort) this.#answerDns(packet, start);
    return false;
  }

  /** RFC 826. */
  #answerArp({ buffer, network, end }: Packet, start: number): void {
    if (network + 28 > end || buffer.readUInt32BE(network) !== 0x00010800 || buffer.readUInt16BE(network + 4) !== 0x0604) return;
    if (buffer.readUInt16BE(network + 6) !== 1 || buffer.readUInt32BE(network + 24) !== this.address) return;
    const asker = buffer.readUIntBE(start + 6, 6);
    const { buffer: reply, payload } = ethernetFrame(stationMac, asker, etherTypes.arp, 28);
    reply.writeUInt32BE(0x00010800, payload);
    reply.writeUInt32BE(0x06040002, payload + 4);
    reply.writeUIntBE(stationMac, payload + 8, 6);
    reply.writeUInt32BE(this.address, payload + 14);
    buffer.copy(reply, payload + 18, network + 8, network + 18);
    this.#send(reply);
  }

  #answerPing(packet: Packet, start: number): void {
    const { buffer, transport, end } = packet;
    if (transport + 8 > end || buffer[transport] !== 8) return;
    const echo = Buffer.from(buffer.subarray(transport, end));
    echo[0] = 0;
    echo.writeUInt16BE(0, 2);
    echo.writeUInt16BE(checksum(echo, 0, echo.length), 2);
    this.#send(ipv4Frame(this.#back(packet, start), protocols.icmp, echo));
  }

  #answerDhcp(packet: Packet, start: number, asker: string, server: DhcpServer): void {
    const request = parseDhcp(udpPayload(packet));
    // A lease is for who sends: nobody asks in another machine's name.
    if (request === undefined || request.mac !== packet.buffer.readUIntBE(start + 6, 6)) return;
    const answer = answerDhcp(request, asker, server);
    if (answer === undefined) return;
    // The client has no address yet: to its MAC by broadcast address, or to everyone if it asks so (RFC 2131 §4.1).
    const everyone = (request.flags & 0x8000) !== 0;
    const ends = {
      sourceMac: stationMac,
      destinationMac: everyone ? broadcastMac : request.mac,
      source: this.address,
      destination: request.currentAddress !== 0 && !everyone ? request.currentAddress : 0xffffffff,
    };
    this.#send(udpFrame(ends, dhcpPorts.server, dhcpPorts.client, answer));
  }

  #answerDns(packet: Packet, start: number): void {
    const answer = answerDns(udpPayload(packet), this.#services.names);
    if (answer) this.#send(udpFrame(this.#back(packet, start), dnsPort, packet.sourcePort, answer));
  }

  #back({ buffer, source }: Packet, start: number) {
    return {
      sourceMac: stationMac,
      destinationMac: buffer.readUIntBE(start + 6, 6),
      source: this.address,
      destination: buffer.readUInt32BE(source),
    };
  }
}

/** A UDP packet's payload: as long as it says, as far as it is there. */
function udpPayload({ buffer, transport, end }: Packet): Buffer {
  if (transport + 8 > end) return Buffer.alloc(0);
  return buffer.subarray(transport + 8, Math.max(transport + 8, Math.min(end, transport + buffer.readUInt16BE(transport + 4))));
}
