import * as z from "zod";
import { change, done, type Method, machine, operation, read } from "./method.ts";

/** Inside the guest, by viv-agent, its agent or SSH: system facts, users, keys, housekeeping. `way` says which it was. */

const way = z.enum(["viv-agent", "agent", "ssh"]);
const user = z.string().min(1).max(64).default("root");
const key = z.string().min(16).max(16_384);
const aKey = z.strictObject({ machine, user, key });

/** `process`: who listens, in the guest's words. */
export const GuestPort = z.object({ protocol: z.enum(["tcp", "udp"]), address: z.string(), port: z.int(), process: z.string().optional() });
export type GuestPort = z.infer<typeof GuestPort>;

export const guestMethods = {
  "guest.agentStatus": read(
    "Which viv-agent the guest has, and which one this Vivarium would put there",
    z.strictObject({ machine }),
    z.object({
      installed: z.object({ build: z.string(), protocol: z.int(), abilities: z.array(z.string()) }).nullable(),
      offered: z.string().nullable(),
      upToDate: z.boolean(),
    }),
  ),
  "guest.installAgent": operation(
    "Put viv-agent into a Linux guest as a service, by viv-agent, its guest agent or SSH, and wait until it answers",
    z.strictObject({ machine }),
    z.object({ build: z.string(), service: z.string(), way }),
  ),
  "guest.upgradeAgent": operation(
    "Make the guest's running viv-agent this Vivarium's; `lasting`: also after the guest's next start",
    z.strictObject({ machine }),
    z.object({ from: z.string(), to: z.string(), lasting: z.boolean() }),
  ),
  "guest.system": read(
    "The guest's system, interfaces and who is logged in",
    z.strictObject({ machine }),
    z.object({
      hostname: z.string(),
      osName: z.string(),
      kernel: z.string(),
      interfaces: z.array(z.object({ name: z.string(), mac: z.string(), addresses: z.array(z.string()) })),
      users: z.array(z.object({ name: z.string(), terminal: z.string() })),
      way,
    }),
  ),
  "guest.ports": read("Which ports somebody in the guest listens on, by viv-agent", z.strictObject({ machine }), z.array(GuestPort)),
  "guest.watchPorts": change(
    "Tell every client by `machine.portsChanged` what the guest listens on, now and after each change, until the stream ends. `stream` is null where the guest has no viv-agent",
    z.strictObject({ machine }),
    z.object({ stream: z.int().nullable() }),
  ),
  "guest.listKeys": read(
    "The SSH public keys that may log in as a user of the guest",
    z.strictObject({ machine, user }),
    z.object({ keys: z.array(z.string()), way }),
  ),
  "guest.addKey": change("Let an SSH public key log in as a user of the guest", aKey, z.object({ added: z.boolean(), way })),
  "guest.removeKey": change("Take an SSH public key of a user of the guest away", aKey, z.object({ removed: z.int(), way })),
  "guest.setPassword": change(
    "Set the password of a user of the guest; it is in no argument and no log",
    z.strictObject({ machine, user, password: z.string().min(1).max(1024) }),
    z.object({ way }),
  ),
  "guest.trim": operation(
    "Tell the disks what the guest's file systems do not use; `bytes` newly given back, where the guest says",
    z.strictObject({ machine }),
    z.object({ bytes: z.number().nullable(), way }),
  ),
  "guest.freeze": change(
    "Hold writes of the guest's file systems until guest.thaw, at most for so many seconds, also when this service dies",
    z.strictObject({ machine, seconds: z.int().min(1).max(600).default(30) }),
    z.object({ filesystems: z.int(), way: z.enum(["viv-agent", "agent"]) }),
  ),
  "guest.thaw": change("Let the guest's file systems go on", z.strictObject({ machine }), done.extend({ thawed: z.boolean() })),
} as const satisfies Record<string, Method>;
