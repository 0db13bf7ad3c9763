import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import * as z from "zod";
import { vivError } from "../model/index.ts";
import {
  type ChannelName,
  channelAddress,
  channelNames,
  type OpenOptions,
  openChannel,
  type PreSharedKey,
  type Transport,
} from "../qemu/index.ts";
import type { Machine } from "./machine.ts";
import { readTextIfPresent, writeFileAtomically } from "./storage.ts";

/**
 * How a machine's sockets are reached: unix sockets in its run folder; on Windows, where Node has none, loopback TCP with
 * a key of the machine's own. The choice is written beside the sockets before QEMU starts, so that any vivd finds it.
 * `VIVARIUM_TRANSPORT=tls` takes the Windows way anywhere (the tests do).
 */
export interface Channels {
  readonly transport: Transport;
  open(channel: ChannelName, options?: OpenOptions): Promise<Duplex>;
}

const TransportFile = z.object({ kind: z.literal("tls"), ports: z.record(z.enum(channelNames), z.int()) });
const identity = "vivarium";

/** Chooses and records the channels of a process that is about to start. The run folder exists and is empty. */
export async function makeChannels(machine: Machine): Promise<Channels> {
  if (machine.host.platform !== "win32" && process.env.VIVARIUM_TRANSPORT !== "tls") return channels(machine, { kind: "unix" });
  const { folder } = machine.run;
  const ports = Object.fromEntries(await freePorts(machine));
  const key = randomBytes(32);
  await writeFileAtomically(join(folder, "keys.psk"), `${identity}:${key.toString("hex")}\n`);
  await writeFileAtomically(join(folder, "channels.json"), JSON.stringify({ kind: "tls", ports }));
  return findChannels(machine);
}

/** The channels of the process that runs, as recorded when it started. */
export async function findChannels(machine: Machine): Promise<Channels> {
  const { folder } = machine.run;
  const text = await readTextIfPresent(join(folder, "channels.json"));
  if (text === undefined) return channels(machine, { kind: "unix" });
  const [_name, hex] = ((await readTextIfPresent(join(folder, "keys.psk"))) ?? "").trim().split(":");
  if (hex === undefined)
    throw vivError("damaged", `${machine.name}: the key of its channels is gone from ${folder}.`, `Kill it: viv kill ${machine.name}`);
  const { ports } = TransportFile.parse(JSON.parse(text));
  return channels(
    machine,
    { kind: "tls", host: "127.0.0.1", ports, credentialsDirectory: folder },
    { identity, key: Buffer.from(hex, "hex") },
  );
}

function channels(machine: Machine, transport: Transport, preSharedKey?: PreSharedKey): Channels {
  const context = { platform: machine.host.platform, runDirectory: machine.run.folder, transport };
  return {
    transport,
    open: (channel, options = {}) =>
      openChannel(channelAddress(context, channel), { ...options, ...(preSharedKey ? { preSharedKey } : {}) }),
  };
}

async function freePorts(machine: Machine): Promise<[ChannelName, number][]> {
  const taken = new Set<number>();
  const found: [ChannelName, number][] = [];
  for (const channel of channelNames) {
    let port = await machine.host.freePort("tcp", "127.0.0.1");
    while (taken.has(port)) port = await machine.host.freePort("tcp", "127.0.0.1");
    taken.add(port);
    found.push([channel, port]);
  }
  return found;
}
