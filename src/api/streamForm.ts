import type { ContentTypeDecoder, ContentTypeEncoder, Message, NotificationMessage } from "vscode-jsonrpc/node";
import type { StreamBytes, StreamData } from "./events.ts";

/**
 * How the bytes of `stream.data` are written. In JSON they are base64; between sides that agreed on it (`hello`,
 * `authenticate`) a message is a zero byte, which no JSON begins with, the stream's number (32 bits, little-endian) and
 * the bytes themselves. The headers around both are the same. Each side reads both.
 */
export interface StreamForm {
  binary: boolean;
}

const method = "stream.data";
const mark = 0;
const headBytes = 5;

export function contentCodec(form: StreamForm): { decoder: ContentTypeDecoder; encoder: ContentTypeEncoder } {
  const name = "application/json";
  return {
    decoder: { name, decode: async (content) => decodeMessage(bufferOf(content)) },
    encoder: { name, encode: async (message) => encodeMessage(message, form.binary) },
  };
}

export function encodeMessage(message: Message, binary: boolean): Buffer {
  const { method: name, params } = message as NotificationMessage;
  if (name !== method) return Buffer.from(JSON.stringify(message), "utf8");
  const { stream, data } = params as unknown as StreamData;
  if (!binary) {
    const dataBase64 = wholeOf(data).toString("base64");
    return Buffer.from(JSON.stringify({ ...message, params: { stream, dataBase64 } }), "utf8");
  }
  const head = Buffer.alloc(headBytes, mark);
  head.writeUInt32LE(stream, 1);
  return Buffer.concat([head, ...partsOf(data)]);
}

/** @throws SyntaxError for what is neither form. */
export function decodeMessage(content: Buffer): Message {
  if (content.length >= headBytes && content[0] === mark) {
    const params: StreamData = { stream: content.readUInt32LE(1), data: content.subarray(headBytes) };
    return notification(params);
  }
  const message = JSON.parse(content.toString("utf8")) as NotificationMessage;
  if (message.method !== method) return message;
  const { stream, dataBase64 } = (message.params ?? {}) as { stream?: unknown; dataBase64?: unknown };
  return notification({ stream: Number(stream), data: Buffer.from(String(dataBase64 ?? ""), "base64") });
}

function notification(params: StreamData): Message {
  return { jsonrpc: "2.0", method, params } as Message;
}

function partsOf(data: StreamBytes): readonly Uint8Array[] {
  return data instanceof Uint8Array ? [data] : data;
}

/** In one piece; not copied where it is. */
export function wholeOf(data: StreamBytes): Buffer {
  return data instanceof Uint8Array ? bufferOf(data) : Buffer.concat(data);
}

function bufferOf(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
