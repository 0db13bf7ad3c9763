import type { Rule } from "../model/index.ts";
import type { Capture } from "./capture.ts";
import { Conditioner } from "./conditioner.ts";
import { dhcpPorts } from "./dhcp.ts";
import { headerBytes } from "./frames.ts";
import { MacTable } from "./macTable.ts";
import { Packet, protocols } from "./packet.ts";
import type { Port } from "./port.ts";
import { compileRules, type RuleBook } from "./rules.ts";
import { type Station, stationMac } from "./station.ts";
import { TokenBucket } from "./tokenBucket.ts";

/** What a switch needs of a port; tests stand in for it. */
export type SwitchPort = Pick<Port, "settings" | "counters" | "send" | "flush"> & { holdBack(sender: SwitchPort): void };

/** Broadcasts and multicasts a second that one machine may send to all others; a burst of as many. */
export const stormFramesPerSecond = 1000;
const ethernetBytes = 14;

interface Member {
  readonly port: SwitchPort;
  readonly storm: TokenBucket;
  readonly inward: Conditioner | undefined;
  readonly outward: Conditioner | undefined;
}

/**
 * A learning Ethernet switch (IEEE 802.1D §7, without spanning tree: there is one of it). A frame is looked at where it
 * lies in the chunk it came in, and passed on from there; `flush` ends a chunk.
 */
export class Switch {
  isolation = false;
  station: Station | undefined;
  capture: Capture | undefined;
  /** Is DHCP the segment's own affair? Then no guest serves it. */
  servesDhcp = false;
  readonly #members = new Map<SwitchPort, Member>();
  readonly #owners = new Map<number, SwitchPort>();
  readonly #learnt = new MacTable<Member>();
  readonly #dirty = new Set<SwitchPort>();
  readonly #packet = new Packet();
  #rules: RuleBook | undefined;

  set rules(rules: readonly Rule[]) {
    this.#rules = rules.length === 0 ? undefined : compileRules(rules);
  }

  get learntAddresses(): number {
    return this.#learnt.size;
  }

  /** Takes a port in, or its new settings. */
  add(port: SwitchPort): void {
    this.remove(port);
    const { impairment, mac } = port.settings;
    const seed = impairment?.seed ?? Math.floor(Math.random() * 2 ** 32);
    const now = performance.now();
    const member: Member = {
      port,
      storm: new TokenBucket(stormFramesPerSecond, stormFramesPerSecond, now),
      inward:
        impairment &&
        new Conditioner(impairment, seed, (frame) => this.#late(() => this.#forward(member, frame, headerBytes, frame.length))),
      outward:
        impairment &&
        new Conditioner(impairment, seed ^ 0x5bd1e995, (frame) => this.#late(() => this.#give(member, frame, headerBytes, frame.length))),
    };
    this.#members.set(port, member);
    this.#owners.set(mac, port);
  }

  remove(port: SwitchPort): void {
    const member = this.#members.get(port);
    if (member === undefined) return;
    member.inward?.dispose();
    member.outward?.dispose();
    this.#learnt.forgetPort(member);
    this.#members.delete(port);
    this.#dirty.delete(port);
    for (const [mac, owner] of this.#owners) if (owner === port) this.#owners.delete(mac);
  }

  lost(port: SwitchPort): number {
    const member = this.#members.get(port);
    return (member?.inward?.lost ?? 0) + (member?.outward?.lost ?? 0);
  }

  /** A frame a machine sent. */
  receive(port: SwitchPort, buffer: Buffer, start: number, end: number): void {
    const member = this.#members.get(port);
    if (member === undefined) return;
    const { counters } = port;
    counters.framesIn += 1;
    counters.bytesIn += end - start;
    this.#captureFrame(port, buffer, start, end, true);
    if (end - start < ethernetBytes) {
      counters.drops.malformed += 1;
      return;
    }
    const source = buffer.readUIntBE(start + 6, 6);
    // A sender is one station: never a group, never nobody (IEEE 802.3 §3.2.3).
    if (isGroup(buffer, start + 6) || source === 0) {
      counters.drops.malformed += 1;
      return;
    }
    const owner = this.#owners.get(source);
    if ((owner !== undefined && owner !== port) || source === stationMac) {
      counters.drops.spoofed += 1;
      return;
    }
    const now = performance.now();
    if (isGroup(buffer, start) && !member.storm.take(1, now)) {
      counters.drops.storm += 1;
      return;
    }
    this.#learnt.learn(source, member, now);
    if (member.inward) member.inward.take(buffer, start - headerBytes, end);
    else this.#forward(member, buffer, start, end);
  }

  /** A frame of the segment's own, with its header. */
  sendOwn(frame: Buffer): void {
    const destination = frame.readUIntBE(headerBytes, 6);
    const member = this.#find(destination);
    for (const each of member ? [member] : this.#members.values()) this.#deliver(each, frame, headerBytes, frame.length);
  }

  /** Writes what the last chunk made; call it after each. */
  flush(): void {
    for (const port of this.#dirty) port.flush();
    this.#dirty.clear();
  }

  #forward(from: Member, buffer: Buffer, start: number, end: number): void {
    const group = isGroup(buffer, start);
    const destination = buffer.readUIntBE(start, 6);
    if (group || destination === stationMac || this.#rules !== undefined) this.#packet.read(buffer, start, end);
    if ((group || destination === stationMac) && this.#isForStation(from, start)) return;
    if (destination === stationMac) return;
    const to = group ? undefined : this.#find(destination);
    if (to !== undefined) {
      if (to !== from) this.#pass(from, to, buffer, start, end);
      return;
    }
    for (const each of this.#members.values()) if (each !== from) this.#pass(from, each, buffer, start, end);
  }

  /** @returns true when nobody else is to have the frame */
  #isForStation(from: Member, start: number): boolean {
    const packet = this.#packet;
    if (
      this.servesDhcp &&
      packet.protocol === protocols.udp &&
      packet.sourcePort === dhcpPorts.server &&
      packet.destinationPort === dhcpPorts.client
    ) {
      from.port.counters.drops.denied += 1;
      return true;
    }
    return this.station?.receive(packet, start, from.port.settings.key) ?? false;
  }

  #pass(from: Member, to: Member, buffer: Buffer, start: number, end: number): void {
    if (this.isolation || from.port.settings.impairment?.partition !== to.port.settings.impairment?.partition) return;
    if (this.#rules !== undefined && !this.#rules(this.#packet, from.port.settings.machine, to.port.settings.machine)) {
      from.port.counters.drops.denied += 1;
      return;
    }
    this.#deliver(to, buffer, start, end);
    to.port.holdBack(from.port);
  }

  #deliver(to: Member, buffer: Buffer, start: number, end: number): void {
    if (to.outward) to.outward.take(buffer, start - headerBytes, end);
    else this.#give(to, buffer, start, end);
  }

  #give({ port }: Member, buffer: Buffer, start: number, end: number): void {
    if (!port.send(buffer, start - headerBytes, end)) return;
    this.#dirty.add(port);
    if (this.capture?.options.machine !== undefined) this.#captureFrame(port, buffer, start, end, false);
  }

  /** What a bad link lets go later is a chunk of its own. */
  #late(work: () => void): void {
    work();
    this.flush();
  }

  #captureFrame(port: SwitchPort, buffer: Buffer, start: number, end: number, sentByMachine: boolean): void {
    const { capture } = this;
    if (capture === undefined) return;
    const { machine } = port.settings;
    if (capture.options.machine === undefined || capture.options.machine === machine)
      capture.frame(machine, buffer, start, end, sentByMachine);
  }

  #find(mac: number): Member | undefined {
    const owner = this.#owners.get(mac);
    return owner === undefined ? this.#learnt.find(mac, performance.now()) : this.#members.get(owner);
  }
}

/** The group bit: the lowest of the first byte. */
function isGroup(buffer: Buffer, at: number): boolean {
  return ((buffer[at] ?? 0) & 1) === 1;
}
