import type { Subnet } from "./addresses.ts";

export interface Lease {
  readonly mac: number;
  readonly address: number;
  /** Milliseconds since 1970; a machine's own lease never ends. */
  expiresAt: number;
}

/** Addresses that a made-up MAC may hold behind one machine's port: containers and nested machines in it, but no flood. */
const strangersPerPort = 16;

/**
 * Who has which address. A machine's own MAC keeps its address for ever; other MACs behind its port get some that are
 * free, for a time. What is known is kept by whoever keeps `list()`.
 */
export class Leases {
  readonly #subnet: Subnet;
  readonly #byMac = new Map<number, Lease>();
  readonly #byAddress = new Map<number, Lease>();
  /** Which port asked for a stranger's lease. */
  readonly #askedBy = new Map<number, string>();
  readonly #leaseMs: number;

  constructor(subnet: Subnet, known: readonly Lease[] = [], leaseMs = 3_600_000) {
    this.#subnet = subnet;
    this.#leaseMs = leaseMs;
    for (const lease of known) if (this.#mayBeGiven(lease.address) && !this.#byAddress.has(lease.address)) this.#keep({ ...lease });
  }

  list(): Lease[] {
    return [...this.#byMac.values()];
  }

  find(mac: number): Lease | undefined {
    return this.#byMac.get(mac);
  }

  findByAddress(address: number): Lease | undefined {
    return this.#byAddress.get(address);
  }

  /** The lease of a machine's own MAC: made when its port appears, so that no flood can take its place. */
  reserve(mac: number, now: number): Lease | undefined {
    const lease = this.#byMac.get(mac) ?? this.#give(mac, now);
    if (lease) lease.expiresAt = Number.POSITIVE_INFINITY;
    this.#askedBy.delete(mac);
    return lease;
  }

  /** A lease for a MAC that is no machine's, behind the port called `port`; undefined when there is none left for it. */
  request(mac: number, port: string, now: number): Lease | undefined {
    const known = this.#byMac.get(mac);
    if (known) {
      if (known.expiresAt !== Number.POSITIVE_INFINITY) known.expiresAt = now + this.#leaseMs;
      return known;
    }
    this.#dropExpired(now);
    if ([...this.#askedBy.values()].filter((name) => name === port).length >= strangersPerPort) return undefined;
    const lease = this.#give(mac, now);
    if (lease) this.#askedBy.set(mac, port);
    return lease;
  }

  /** RFC 2131 §4.4.6: given back. A machine's own stays its. */
  release(mac: number): void {
    const lease = this.#byMac.get(mac);
    if (lease && lease.expiresAt !== Number.POSITIVE_INFINITY) this.#forget(lease);
  }

  /** A machine has left the network for good. */
  forget(mac: number): void {
    const lease = this.#byMac.get(mac);
    if (lease) this.#forget(lease);
  }

  #give(mac: number, now: number): Lease | undefined {
    for (let address = this.#subnet.network + firstHost; address < this.#subnet.broadcast; address += 1) {
      if (this.#byAddress.has(address)) continue;
      const lease = { mac, address, expiresAt: now + this.#leaseMs };
      this.#keep(lease);
      return lease;
    }
    return undefined;
  }

  #mayBeGiven(address: number): boolean {
    return address >= this.#subnet.network + firstHost && address < this.#subnet.broadcast;
  }

  #keep(lease: Lease): void {
    this.#byMac.set(lease.mac, lease);
    this.#byAddress.set(lease.address, lease);
  }

  #forget({ mac, address }: Lease): void {
    this.#byMac.delete(mac);
    this.#byAddress.delete(address);
    this.#askedBy.delete(mac);
  }

  #dropExpired(now: number): void {
    for (const lease of this.#byMac.values()) if (lease.expiresAt <= now) this.#forget(lease);
  }
}

/** `.1` is the segment itself, `.2` and `.3` are kept for a way out. */
const firstHost = 4;
