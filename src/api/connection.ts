import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import {
  ConnectionError,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  NotificationType,
  ProgressType,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { asVivError, type ErrorReport, errorReport, isErrorCode, type VivError, vivError } from "../model/index.ts";
import type { ProgressReport, StreamData, StreamEnd, VivEvent } from "./events.ts";
import { contentCodec, type StreamForm } from "./streamForm.ts";

/** The wire: JSON-RPC 2.0 with Content-Length headers (vscode-jsonrpc) over a local socket. */

export const eventNotification = new NotificationType<VivEvent>("event");
export const streamData = new NotificationType<StreamData>("stream.data");
export const streamEnd = new NotificationType<StreamEnd>("stream.end");
export const progress = new ProgressType<ProgressReport>();

/** JSON-RPC error code for every VivError; `data` is its ErrorReport. */
const vivErrorNumber = -32_000;

/** @param form how streams' bytes are written; both forms are always understood */
export function openConnection(socket: Socket, form: StreamForm = { binary: false }): MessageConnection {
  socket.setNoDelay(true);
  const { decoder, encoder } = contentCodec(form);
  const reader = new StreamMessageReader(socket, { contentTypeDecoder: decoder });
  // Its watch over half a message is wound up again for ever when the other side died in the middle of one, and would
  // keep this process from ending.
  reader.partialMessageTimeout = 0;
  return createMessageConnection(reader, new StreamMessageWriter(socket, { contentTypeEncoder: encoder }));
}

export function toResponseError(thrown: unknown): ResponseError<ErrorReport> {
  const report = errorReport(thrown);
  return new ResponseError(vivErrorNumber, report.message, report);
}

export function fromResponseError(thrown: unknown): VivError {
  if (thrown instanceof ResponseError) {
    const data = thrown.data as Partial<ErrorReport> | undefined;
    if (data && isErrorCode(data.code)) return vivError(data.code, data.message ?? thrown.message, data.hint);
    // -32800: the request was cancelled (Language Server Protocol's number, used by vscode-jsonrpc)
    if (thrown.code === -32_800) return vivError("cancelled", "Cancelled.");
    if (thrown.code === ErrorCodes.MethodNotFound) {
      return vivError(
        "version-conflict",
        `The background service does not know this request: ${thrown.message}.`,
        "It is older than this client: run `viv daemon stop` and try again.",
      );
    }
    if (thrown.code === ErrorCodes.PendingResponseRejected || thrown.code === ErrorCodes.ConnectionInactive) {
      return serviceGone();
    }
  }
  // The connection was closed or disposed before the request could be sent.
  if (thrown instanceof ConnectionError) return serviceGone();
  // The other end closed while the request was being written.
  if (["EPIPE", "ECONNRESET"].includes((thrown as NodeJS.ErrnoException | undefined)?.code ?? "")) return serviceGone();
  return asVivError(thrown);
}

function serviceGone(): VivError {
  return vivError(
    "daemon-unavailable",
    "The background service went away before it answered.",
    "Machines go on running. Try again: it is started anew.",
  );
}

export function newNonce(): string {
  return randomBytes(24).toString("base64url");
}

/** Proof of knowing the token for the other side's nonce; `role` keeps one side's proof from being replayed to it. */
export function proveToken(token: string, nonce: string, role: "client" | "server"): string {
  return createHmac("sha256", token).update(`${role}:${nonce}`).digest("base64url");
}

export function proofMatches(expected: string, given: string): boolean {
  const left = Buffer.from(expected);
  const right = Buffer.from(given);
  return left.length === right.length && timingSafeEqual(left, right);
}
