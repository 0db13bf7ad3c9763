import { randomBytes } from "node:crypto";

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

const markBytes = 16;
const nonceBytes = 16;
const hostMark = Buffer.from("VIVARIUM-AGENT\r\n", "latin1");
const guestMark = Buffer.from("VIVARIUM-GUEST\r\n", "latin1");

function checkOf(length: number, type: number, channel: number, stream: number): number {
  return (0x5657 ^ length ^ (length >>> 16) ^ (type << 8) ^ channel ^ stream ^ (stream >>> 16)) & 0xffff;
}

export function encodeFrame(type: FrameType, stream: number, payload: Uint8Array, channel = 0): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  const number = frameTypes[type];
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt8(number, 4);
  frame.writeUInt8(channel, 5);
  frame.writeUInt16LE(checkOf(payload.length, number, channel, stream), 6);
  frame.writeUInt32LE(stream, 8);
  frame.set(payload, headerBytes);
  return frame;
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

/** Everything before the agent's mark with `nonce` is a former host's, and dropped. */
export function frameReader(nonce: Buffer): FrameReader {
  let wanted = Buffer.concat([guestMark, nonce]);
  let held: Buffer = Buffer.alloc(0);
  let inStep = false;
  return {
    get inStep() {
      return inStep;
    },
    expect(next) {
      wanted = Buffer.concat([guestMark, next]);
    },
    take(chunk) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (!inStep) {
        const at = held.indexOf(wanted);
        if (at < 0) {
          held = Buffer.from(held.subarray(Math.max(0, held.length - (markBytes + nonceBytes - 1))));
          return [];
        }
        inStep = true;
        held = held.subarray(at + wanted.length);
      }
      const frames: Frame[] = [];
      let at = 0;
      while (held.length - at >= headerBytes) {
        const length = held.readUInt32LE(at);
        const type = held.readUInt8(at + 4);
        const channel = held.readUInt8(at + 5);
        const stream = held.readUInt32LE(at + 8);
        if (length > frameLimitBytes || held.readUInt16LE(at + 6) !== checkOf(length, type, channel, stream))
          throw new Error("the guest's agent sent something that is no frame");
        if (held.length - at < headerBytes + length) break;
        frames.push({ type, channel, stream, payload: Buffer.from(held.subarray(at + headerBytes, at + headerBytes + length)) });
        at += headerBytes + length;
      }
      held = held.subarray(at);
      return frames;
    },
  };
}

export interface ExecWords {
  readonly words: readonly string[];
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

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([number32(bytes.length), bytes]);
}

function list(values: readonly string[]): Buffer {
  return Buffer.concat([number32(values.length), ...values.map(text)]);
}
