import { connect as connectNet } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { asVivError, vivError } from "../model/index.ts";
import { type Limits, withDeadline } from "./deadline.ts";
import type { ChannelAddress } from "./types.ts";

/** The key of a machine's TCP channels: a line `identity:hex` of `keys.psk`. */
export interface PreSharedKey {
  readonly identity: string;
  readonly key: Buffer;
}

export interface OpenOptions extends Limits {
  /** Keep trying while nobody listens yet: QEMU makes its sockets some ms after it was spawned. */
  readonly retry?: boolean;
  /** For a `tls` address. */
  readonly preSharedKey?: PreSharedKey;
}

/**
 * Connects to one of a machine's channels.
 *
 * @param options.timeoutMs default 5000
 * @throws VivError `qemu-lost` when nobody listens, `not-responding` after the time, `cancelled`
 */
export async function openChannel(address: ChannelAddress, options: OpenOptions = {}): Promise<Duplex> {
  const { timeoutMs = 5000, signal } = options;
  const giveUp = new AbortController();
  try {
    const stopped = signal === undefined ? giveUp.signal : AbortSignal.any([giveUp.signal, signal]);
    const late = () => vivError("not-responding", `Nobody answered on ${describe(address)} within ${timeoutMs} ms.`);
    return await withDeadline(attempts(address, options, stopped), timeoutMs, signal, late);
  } finally {
    giveUp.abort();
  }
}

// Close together while QEMU usually comes up (30–80 ms), then sparing.
const firstPauseMs = 2;
const pauseGrowth = 1.1;
const longestPauseMs = 20;

async function attempts(address: ChannelAddress, options: OpenOptions, stopped: AbortSignal): Promise<Duplex> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * pauseGrowth, longestPauseMs)) {
    try {
      return await attempt(address, options, stopped);
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      const absent = code === "ENOENT" || code === "ECONNREFUSED";
      if (!absent || options.retry !== true) {
        if (stopped.aborted) throw asVivError(thrown);
        throw vivError("qemu-lost", `Nobody listens on ${describe(address)}.`, "The machine's QEMU has ended; its log says why.", thrown);
      }
      await sleep(pauseMs, undefined, { signal: stopped });
    }
  }
}

/** One connection; a socket that comes too late is destroyed. */
function attempt(address: ChannelAddress, options: OpenOptions, stopped: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = address.kind === "unix" ? connectNet(address.path) : secure(address, options.preSharedKey);
    const abort = () => socket.destroy(new Error("given up"));
    stopped.addEventListener("abort", abort, { once: true });
    socket.once("error", reject);
    socket.once(address.kind === "unix" ? "connect" : "secureConnect", () => {
      stopped.removeEventListener("abort", abort);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** Both sides prove the key, so there is no certificate to check. */
function secure(address: { host: string; port: number }, key: PreSharedKey | undefined): ReturnType<typeof connectTls> {
  if (key === undefined) throw vivError("internal", "A TLS channel was opened without its key.");
  return connectTls({
    host: address.host,
    port: address.port,
    ciphers: "PSK",
    minVersion: "TLSv1.2",
    pskCallback: () => ({ identity: key.identity, psk: key.key }),
    checkServerIdentity: () => undefined,
  });
}

function describe(address: ChannelAddress): string {
  return address.kind === "unix" ? address.path : `${address.host}:${address.port}`;
}
