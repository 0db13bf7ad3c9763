import { macNumber } from "../../../src/segment/addresses.ts";
import { type Ends, ethernetFrame, udpFrame } from "../../../src/segment/build.ts";
import { headerBytes } from "../../../src/segment/frames.ts";
import type { Counters, PortSettings } from "../../../src/segment/port.ts";
import type { Switch, SwitchPort } from "../../../src/segment/switch.ts";

/** A port that keeps what it is given, as frames without their header. */
export class TestPort implements SwitchPort {
  settings: PortSettings;
  readonly received: Buffer[] = [];
  readonly counters: Counters = {
    framesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    bytesOut: 0,
    drops: { malformed: 0, spoofed: 0, storm: 0, denied: 0, impaired: 0, congested: 0 },
  };
  constructor(machine: string, mac: string, impairment?: PortSettings["impairment"]) {
    this.settings = { key: machine, machine, mac: macNumber(mac), socket: "", impairment };
  }
  send(buffer: Buffer, start: number, end: number): boolean {
    this.received.push(Buffer.from(buffer.subarray(start + headerBytes, end)));
    return true;
  }
  flush(): void {}
  holdBack(): void {}
}

export function inject(to: Switch, port: TestPort, frame: Buffer): void {
  to.receive(port, frame, headerBytes, frame.length);
  to.flush();
}

/** An Ethernet frame with header and a payload. */
export function plainFrame(source: string, destination: string, payload = "x"): Buffer {
  const { buffer, payload: at } = ethernetFrame(macNumber(source), macNumber(destination), 0x88b5, payload.length);
  buffer.write(payload, at, "latin1");
  return buffer;
}

export function udp(ends: Ends, sourcePort: number, destinationPort: number, payload: Uint8Array = Buffer.from("x")): Buffer {
  return udpFrame(ends, sourcePort, destinationPort, payload);
}
