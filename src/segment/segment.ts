import { join } from "node:path";
import { ipv4Text, macNumber, macText, subnetOf } from "./addresses.ts";
import { Capture, type CaptureOptions } from "./capture.ts";
import type { CaptureStatus, PortStatus, SegmentArguments, SegmentStatus, WantedPort, WantedSegment } from "./control.ts";
import { readLeases, writeLeases } from "./leaseFile.ts";
import { Leases } from "./leases.ts";
import { Port, type PortSettings } from "./port.ts";
import { Station } from "./station.ts";
import { Switch } from "./switch.ts";

/** One segment at work: its ports on the switch, its addresses and names. `configure` makes it what is wanted. */
export class Segment {
  readonly #arguments: SegmentArguments;
  readonly #switch = new Switch();
  readonly #ports = new Map<string, Port>();
  #wanted: WantedSegment | undefined;
  #leases: Leases | undefined;
  #configuring: Promise<void> = Promise.resolve();

  constructor(given: SegmentArguments) {
    this.#arguments = given;
  }

  /** One change at a time: two that cross would leave a port of the first. */
  configure(wanted: WantedSegment): Promise<void> {
    this.#configuring = this.#configuring.catch(() => undefined).then(() => this.#configure(wanted));
    return this.#configuring;
  }

  async #configure(wanted: WantedSegment): Promise<void> {
    const moved = this.#wanted?.subnet !== wanted.subnet;
    this.#wanted = wanted;
    if (moved || this.#leases === undefined) this.#leases = new Leases(subnetOf(wanted.subnet), readLeases(this.#arguments.leases));
    this.#switch.isolation = wanted.isolation;
    this.#switch.rules = wanted.rules;
    this.#switch.servesDhcp = wanted.dhcp;
    this.#switch.station = this.#station(wanted, this.#leases);
    for (const [key, port] of this.#ports) if (!wanted.ports.some((each) => each.key === key)) this.#drop(key, port);
    for (const each of wanted.ports) await this.#take(each);
    if (wanted.dhcp) for (const { mac } of wanted.ports) this.#leases.reserve(macNumber(mac), Date.now());
    this.#saveLeases();
  }

  status(): SegmentStatus {
    const leases = this.#wanted?.dhcp ? (this.#leases?.list() ?? []) : [];
    return {
      id: this.#arguments.id,
      ports: [...this.#ports.values()].map((port) => this.#portStatus(port)),
      leases: leases.map(({ mac, address }) => ({ mac: macText(mac), address: ipv4Text(address), machine: this.#machineOf(mac) ?? null })),
      capture: this.#switch.capture?.state ?? null,
    };
  }

  async startCapture(options: CaptureOptions): Promise<CaptureStatus> {
    if (this.#switch.capture?.state.running) throw new Error(`a capture runs already, into ${this.#switch.capture.state.file}`);
    const capture = await Capture.open(options);
    this.#switch.capture = capture;
    return capture.state;
  }

  async stopCapture(): Promise<CaptureStatus | null> {
    const { capture } = this.#switch;
    await capture?.close();
    this.#switch.capture = undefined;
    return capture?.state ?? null;
  }

  async end(): Promise<void> {
    await this.stopCapture();
    for (const [key, port] of this.#ports) this.#drop(key, port);
  }

  async #take(wanted: WantedPort): Promise<void> {
    const settings: PortSettings = {
      key: wanted.key,
      machine: wanted.machine,
      mac: macNumber(wanted.mac),
      socket: join(this.#arguments.run, wanted.key),
      impairment: wanted.impairment,
    };
    const known = this.#ports.get(wanted.key);
    if (known) {
      // A link that is as it was keeps what is on its way.
      const same = JSON.stringify(known.settings) === JSON.stringify(settings);
      known.settings = settings;
      if (!same) this.#switch.add(known);
      return;
    }
    const port: Port = new Port(
      settings,
      (buffer, start, end) => this.#switch.receive(port, buffer, start, end),
      () => this.#switch.flush(),
    );
    await port.listen();
    this.#ports.set(wanted.key, port);
    this.#switch.add(port);
  }

  #drop(key: string, port: Port): void {
    this.#switch.remove(port);
    port.close();
    this.#ports.delete(key);
  }

  #station(wanted: WantedSegment, leases: Leases): Station {
    const subnet = subnetOf(wanted.subnet);
    const address = subnet.network + 1;
    const names = {
      domain: wanted.domain,
      address: (machine: string) => this.#addressOf(machine),
      machine: (asked: number) => (asked === address ? undefined : this.#machineOf(leases.findByAddress(asked)?.mac)),
    };
    const dhcp = {
      address,
      subnet,
      domain: wanted.domain,
      known: (mac: number) => leases.find(mac),
      lease: (mac: number, asker: string) => this.#newLease(mac, asker, leases),
      release: (mac: number) => leases.release(mac),
    };
    return new Station(subnet, { dhcp: wanted.dhcp ? dhcp : undefined, names }, (frame) => this.#switch.sendOwn(frame));
  }

  #newLease(mac: number, asker: string, leases: Leases) {
    const before = leases.list().length;
    const lease = leases.request(mac, asker, Date.now());
    if (leases.list().length !== before) this.#saveLeases();
    return lease;
  }

  /** A disk that takes nothing costs the leases' memory, not the network. */
  #saveLeases(): void {
    try {
      writeLeases(this.#arguments.leases, this.#leases?.list() ?? []);
    } catch (error) {
      process.stderr.write(`${new Date().toISOString()} leases are not kept: ${(error as Error).message}\n`);
    }
  }

  #machineOf(mac: number | undefined): string | undefined {
    return mac === undefined ? undefined : this.#wanted?.ports.find((port) => macNumber(port.mac) === mac)?.machine;
  }

  #addressOf(machine: string): number | undefined {
    const port = this.#wanted?.ports.find((each) => each.machine === machine);
    return port && this.#leases?.find(macNumber(port.mac))?.address;
  }

  #portStatus(port: Port): PortStatus {
    const { drops, ...counters } = port.counters;
    return {
      key: port.settings.key,
      machine: port.settings.machine,
      mac: macText(port.settings.mac),
      connected: port.connected,
      ...counters,
      drops: { ...drops, impaired: drops.impaired + this.#switch.lost(port) },
      problem: port.problem ?? null,
    };
  }
}
