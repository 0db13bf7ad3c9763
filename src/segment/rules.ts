import { isIPv6 } from "node:net";
import type { Rule } from "../model/index.ts";
import { type Packet, protocols } from "./packet.ts";

/** A rule as the data path wants it: addresses as bytes with a number of bits. */
interface Compiled {
  readonly allows: boolean;
  readonly from: Side;
  readonly to: Side;
  readonly protocols: readonly number[] | undefined;
  readonly port: number | undefined;
}

interface Side {
  /** A machine's name. */
  readonly machine: string | undefined;
  readonly prefix: { readonly bytes: Buffer; readonly bits: number } | undefined;
}

/** Answers whether a packet may pass: the first rule that fits decides, without one it may. Only IP packets are asked about. */
export type RuleBook = (packet: Packet, from: string, to: string | undefined) => boolean;

export function compileRules(rules: readonly Rule[]): RuleBook {
  const compiled = rules.map(compile);
  return (packet, from, to) => {
    if (packet.version === 0) return true;
    for (const rule of compiled) if (fits(rule, packet, from, to)) return rule.allows;
    return true;
  };
}

const protocolNumbers = {
  tcp: [protocols.tcp],
  udp: [protocols.udp],
  icmp: [protocols.icmp, protocols.icmpv6],
} as const;

function compile(rule: Rule): Compiled {
  return {
    allows: rule.action === "allow",
    from: side(rule.from),
    to: side(rule.to),
    protocols: rule.protocol === undefined ? undefined : protocolNumbers[rule.protocol],
    port: rule.port,
  };
}

function side(text: string | undefined): Side {
  if (text === undefined) return { machine: undefined, prefix: undefined };
  if (!/[./:]/.test(text)) return { machine: text, prefix: undefined };
  const [address = "", bits] = text.split("/");
  const bytes = addressBytes(address);
  return { machine: undefined, prefix: { bytes, bits: bits === undefined ? bytes.length * 8 : Number(bits) } };
}

function fits(rule: Compiled, packet: Packet, from: string, to: string | undefined): boolean {
  if (rule.protocols !== undefined && !rule.protocols.includes(packet.protocol)) return false;
  // Later pieces of a packet have no ports. Letting them by a rule that forbids would be a hole.
  if (rule.port !== undefined && packet.destinationPort !== rule.port && !(packet.fragment && !rule.allows)) return false;
  return sideFits(rule.from, packet, packet.source, from) && sideFits(rule.to, packet, packet.destination, to);
}

function sideFits({ machine, prefix }: Side, packet: Packet, at: number, name: string | undefined): boolean {
  if (machine !== undefined) return machine === name;
  if (prefix === undefined) return true;
  if (prefix.bytes.length !== packet.addressBytes) return false;
  return startsWithBits(packet.buffer, at, prefix.bytes, prefix.bits);
}

function startsWithBits(buffer: Buffer, at: number, prefix: Buffer, bits: number): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index += 1) if (buffer[at + index] !== prefix[index]) return false;
  const rest = bits & 7;
  return rest === 0 || ((buffer[at + whole] ?? 0) ^ (prefix[whole] ?? 0)) >> (8 - rest) === 0;
}

/** Any valid IPv4 or IPv6 address as its 4 or 16 bytes. */
function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const words = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":").flatMap(wordsOf));
  const front = words(head);
  const back = words(tail);
  const bytes = Buffer.alloc(16);
  for (const [index, word] of [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back].entries())
    bytes.writeUInt16BE(word, index * 2);
  return bytes;
}

/** A group of four hexadecimal digits, or an IPv4 address in the last place. */
function wordsOf(group: string): number[] {
  if (!group.includes(".")) return [Number.parseInt(group, 16)];
  const bytes = Buffer.from(group.split(".").map(Number));
  return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
}
