import type { Socket } from "node:net";
import {
  createMessageConnection,
  type MessageConnection,
  RequestType,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import type { Impairment, Rule } from "../model/index.ts";
import type { Drops } from "./port.ts";

/**
 * How vivd and a segment's process speak: JSON-RPC over a socket in the segment's own 0700 folder. `configure` says what is
 * wanted, all of it, each time; a process of an older Vivarium is asked the same.
 */

/** Command line of the process: `segment --run FOLDER --leases FILE --id ID`. */
export interface SegmentArguments {
  readonly run: string;
  readonly leases: string;
  readonly id: string;
}

export const controlSocket = "control";

export interface WantedPort {
  /** `MACHINE-ID-ADAPTER`; also the name of its socket in the run folder. */
  readonly key: string;
  readonly machine: string;
  readonly mac: string;
  readonly impairment?: Impairment | undefined;
}

export interface WantedSegment {
  readonly subnet: string;
  readonly domain: string;
  readonly dhcp: boolean;
  readonly isolation: boolean;
  readonly rules: readonly Rule[];
  readonly ports: readonly WantedPort[];
}

export interface PortStatus {
  readonly key: string;
  readonly machine: string;
  readonly mac: string;
  readonly connected: boolean;
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  readonly drops: Readonly<Drops>;
  readonly problem: string | null;
}

export interface CaptureStatus {
  readonly file: string;
  readonly machine: string | null;
  readonly frames: number;
  readonly bytes: number;
  /** Left out because the disk was too slow. */
  readonly missed: number;
  readonly running: boolean;
  readonly problem: string | null;
}

export interface LeaseStatus {
  readonly mac: string;
  readonly address: string;
  readonly machine: string | null;
}

export interface SegmentStatus {
  readonly id: string;
  readonly ports: readonly PortStatus[];
  readonly leases: readonly LeaseStatus[];
  readonly capture: CaptureStatus | null;
}

export const requests = {
  configure: new RequestType<WantedSegment, null, void>("configure"),
  status: new RequestType<null, SegmentStatus, void>("status"),
  startCapture: new RequestType<{ file: string; machine?: string | undefined; maximumBytes: number }, CaptureStatus, void>("startCapture"),
  stopCapture: new RequestType<null, CaptureStatus | null, void>("stopCapture"),
  end: new RequestType<null, null, void>("end"),
} as const;

export function openControl(socket: Socket): MessageConnection {
  const reader = new StreamMessageReader(socket);
  reader.partialMessageTimeout = 0;
  return createMessageConnection(reader, new StreamMessageWriter(socket));
}
