import { ipv4Number } from "./addresses.ts";

/** Names of a segment's machines (RFC 1035). Pure: a query in, an answer out. */

export const dnsPort = 53;
const types = { a: 1, ptr: 12, any: 255 } as const;
const internet = 1;
const results = { ok: 0, malformed: 1, noSuchName: 3, notImplemented: 4 } as const;
const headerBytes = 12;
/** Short: a machine that comes back may have another address after its network was made anew. */
const timeToLiveSeconds = 5;

export interface Names {
  /** `lab.internal` */
  readonly domain: string;
  /** The address of a machine by its name alone. */
  address(machine: string): number | undefined;
  /** The machine that has an address. */
  machine(address: number): string | undefined;
}

/** The answer to a query; undefined for what is no query at all. Nobody else is asked: what is not known does not exist. */
export function answerDns(query: Buffer, names: Names): Buffer | undefined {
  if (query.length < headerBytes || ((query[2] ?? 0) & 0x80) !== 0) return undefined;
  if (((query[2] ?? 0) & 0x78) !== 0) return response(query, undefined, results.notImplemented);
  const question = query.readUInt16BE(4) === 1 ? readQuestion(query) : undefined;
  if (question === undefined) return response(query, undefined, results.malformed);
  const { name, type } = question;
  if (question.class !== internet) return response(query, question.end, results.noSuchName);
  const reverse = reverseAddress(name);
  if (reverse !== undefined) {
    const machine = names.machine(reverse);
    if (machine === undefined) return response(query, question.end, results.noSuchName);
    const target = encodeName(`${machine}.${names.domain}`);
    return response(
      query,
      question.end,
      results.ok,
      type === types.ptr || type === types.any ? { type: types.ptr, data: target } : undefined,
    );
  }
  const address = name.endsWith(`.${names.domain}`) ? names.address(name.slice(0, -names.domain.length - 1)) : undefined;
  if (address === undefined) return response(query, question.end, results.noSuchName);
  // It has no IPv6 address here: an empty answer, or resolvers would take the name for unknown.
  return response(
    query,
    question.end,
    results.ok,
    type === types.a || type === types.any ? { type: types.a, data: addressBytes(address) } : undefined,
  );
}

interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends. */
  readonly end: number;
}

function readQuestion(query: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = query[at];
    // A question has no pointers: there is nothing before it to point to.
    if (length === undefined || length > 63 || at - headerBytes > 255) return undefined;
    if (length === 0) break;
    if (at + 1 + length > query.length) return undefined;
    labels.push(query.toString("latin1", at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
  if (at + 5 > query.length) return undefined;
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), class: query.readUInt16BE(at + 3), end: at + 5 };
}

function reverseAddress(name: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name)?.slice(1);
  return parts?.every((part) => Number(part) < 256) ? ipv4Number(parts.reverse().join(".")) : undefined;
}

function response(query: Buffer, questionEnd: number | undefined, result: number, answer?: { type: number; data: Buffer }): Buffer {
  const head = Buffer.alloc(headerBytes);
  query.copy(head, 0, 0, 2);
  // Response, authoritative, recursion as desired and available.
  head[2] = 0x84 | ((query[2] ?? 0) & 0x79);
  head[3] = 0x80 | result;
  head.writeUInt16BE(questionEnd === undefined ? 0 : 1, 4);
  head.writeUInt16BE(answer === undefined ? 0 : 1, 6);
  const parts = [head, query.subarray(headerBytes, questionEnd ?? headerBytes)];
  if (answer) {
    const record = Buffer.alloc(12);
    // A pointer to the question's name.
    record.writeUInt16BE(0xc000 | headerBytes, 0);
    record.writeUInt16BE(answer.type, 2);
    record.writeUInt16BE(internet, 4);
    record.writeUInt32BE(timeToLiveSeconds, 6);
    record.writeUInt16BE(answer.data.length, 10);
    parts.push(record, answer.data);
  }
  return Buffer.concat(parts);
}

function encodeName(name: string): Buffer {
  return Buffer.concat([
    ...name.split(".").map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, "latin1")])),
    Buffer.of(0),
  ]);
}

function addressBytes(address: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address, 0);
  return bytes;
}
