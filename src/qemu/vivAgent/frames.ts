import { randomBytes } from "node:crypto";
import { byteQueue } from "../byteQueue.ts";

/**
 * The frames of viv-agent (guest/agent/PROTOCOL.md): twelve bytes of header, then up to 64 KiB. Numbers are
 * little-endian. Pure.
 */
export const frameTypes = {
  hello: 1,
  started: 2,
  data: 3,
  window: 4,
  exit: 5,
  error: 6,
  exec: 16,
  signal: 17,
  resize: 18,
  close: 19,
  ping: 20,
  pong: 21,
  identify: 22,
} as const;
export type FrameType = keyof typeof frameTypes;

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const headerBytes = 12;
export const frameLimitBytes = 64 * 1024;
/** What the agent's kernel takes in one piece. */
export const dataChunkBytes = 32 * 1024 - headerBytes;

const nonceBytes = 16;
const hostMark = Buffer.from("VIVARIUM-AGENT\r\n", "latin1");
const guestMark = Buffer.from("VIVARIUM-GUEST\r\n", "latin1");

function checkOf(length: number, type: number, channel: number, stream: number): number {
  return (0x5657 ^ length ^ (length >>> 16) ^ (type << 8) ^ channel ^ stream ^ (stream >>> 16)) & 0xffff;
}

/** What goes before a payload of so many bytes. */
export function encodeHeader(type: FrameType, stream: number, length: number, channel = 0): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  const number = frameTypes[type];
  header.writeUInt32LE(length, 0);
  header.writeUInt8(number, 4);
  header.writeUInt8(channel, 5);
  header.writeUInt16LE(checkOf(length, number, channel, stream), 6);
  header.writeUInt32LE(stream, 8);
  return header;
}

/** What opens a connection; the agent answers with its own mark and the same nonce. */
export function newMark(): { readonly nonce: Buffer; readonly bytes: Buffer } {
  const nonce = randomBytes(nonceBytes);
  return { nonce, bytes: Buffer.concat([hostMark, nonce]) };
}

/** More than the longest frame: an agent in the middle of one that a former host began comes to its end. */
export const padding = Buffer.alloc(headerBytes + frameLimitBytes);

export interface FrameReader {
  /** Takes bytes and gives the frames that became whole. @throws Error when they are no frames: the guest is hostile or broken. */
  take(chunk: Buffer): Frame[];
  /** Waits for the answer to another mark from now on. */
  expect(nonce: Buffer): void;
  /** The agent's mark with our nonce was seen. */
  readonly inStep: boolean;
}

/** Everything before the agent's mark with `nonce` is a former host's, and dropped. Payloads are not copied. */
export function frameReader(nonce: Buffer): FrameReader {
  let wanted = Buffer.concat([guestMark, nonce]);
  let searched: Buffer = Buffer.alloc(0);
  let inStep = false;
  let header: Header | undefined;
  const queue = byteQueue();
  /** What follows the mark; nothing while it was not seen. */
  const search = (chunk: Buffer): Buffer => {
    searched = Buffer.concat([searched, chunk]);
    const at = searched.indexOf(wanted);
    inStep = at >= 0;
    const rest = searched.subarray(at + wanted.length);
    searched = inStep ? Buffer.alloc(0) : Buffer.from(searched.subarray(Math.max(0, searched.length - (wanted.length - 1))));
    return inStep ? rest : Buffer.alloc(0);
  };
  return {
    get inStep() {
      return inStep;
    },
    expect(next) {
      wanted = Buffer.concat([guestMark, next]);
    },
    take(chunk) {
      queue.push(inStep ? chunk : search(chunk));
      const frames: Frame[] = [];
      for (;;) {
        if (!header && queue.bytes >= headerBytes) header = readHeader(queue.take(headerBytes));
        if (!header || queue.bytes < header.length) return frames;
        const { length, type, channel, stream } = header;
        header = undefined;
        frames.push({ type, channel, stream, payload: queue.take(length) });
      }
    },
  };
}

type Header = Omit<Frame, "payload"> & { readonly length: number };

/** @throws Error for what is none. */
function readHeader(bytes: Buffer): Header {
  const length = bytes.readUInt32LE(0);
  const type = bytes.readUInt8(4);
  const channel = bytes.readUInt8(5);
  const stream = bytes.readUInt32LE(8);
  if (length > frameLimitBytes || bytes.readUInt16LE(6) !== checkOf(length, type, channel, stream))
    throw new Error("the guest's agent sent something that is no frame");
  return { length, type, channel, stream };
}

export interface ExecWords {
  /** Text, or the guest's own bytes. */
  readonly words: readonly (string | Uint8Array)[];
  readonly environment: readonly string[];
  /** Empty: the agent's own user. */
  readonly user: string;
  /** Empty: the user's home. */
  readonly folder: string;
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  /** One of the agent's own commands (`get`, `put`, …) instead of a program. */
  readonly applet: boolean;
  readonly creditBytes: number;
}

const execFlags = { terminal: 1, applet: 2 } as const;

export function encodeExec(exec: ExecWords): Buffer {
  const flags = (exec.terminal ? execFlags.terminal : 0) | (exec.applet ? execFlags.applet : 0);
  const { rows, columns } = exec.terminal ?? { rows: 0, columns: 0 };
  return Buffer.concat([
    number32(flags),
    number32(exec.creditBytes),
    encodeSize(rows, columns),
    text(exec.user),
    text(exec.folder),
    list(exec.words),
    list(exec.environment),
  ]);
}

export function encodeSize(rows: number, columns: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt16LE(Math.min(rows, 0xffff), 0);
  buffer.writeUInt16LE(Math.min(columns, 0xffff), 2);
  return buffer;
}

export function number32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function text(value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return Buffer.concat([number32(bytes.length), bytes]);
}

function list(values: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat([number32(values.length), ...values.map(text)]);
}
