import { join } from "node:path";
import type { Definition } from "../model/index.ts";
import type { MachinePaths } from "./folder.ts";
import type { Machine } from "./machine.ts";
import { newSshKey } from "./newSshKey.ts";
import { makePrivateFolder, readTextIfPresent, writeFileAtomically } from "./storage.ts";

/** A machine's own keys: one to log in with, and the host key its guest is given, pinned before the first connection. */
export interface KeyFiles {
  readonly login: string;
  readonly host: string;
  readonly authorizedKeys: string;
  readonly knownHosts: string;
  readonly hostname: string;
}

export function keyFiles(paths: MachinePaths): KeyFiles {
  return {
    login: join(paths.keys, "login"),
    host: join(paths.keys, "host_ed25519"),
    authorizedKeys: join(paths.keys, "authorized_keys"),
    knownHosts: join(paths.keys, "known_hosts"),
    hostname: join(paths.keys, "hostname"),
  };
}

/** The name the guest's host key is pinned under; it never leaves the machine's own known_hosts. */
export function hostKeyAlias(id: string): string {
  return `vivarium-${id}`;
}

/** How ssh shall know a machine, whether it runs or not; undefined for one that is damaged. */
export function sshIdentity(
  machine: Pick<Machine, "id" | "name" | "paths" | "effectiveDefinition">,
): { name: string; user: string; identityFile: string; knownHostsFile: string; hostKeyAlias: string } | undefined {
  const definition = machine.effectiveDefinition;
  if (!definition) return undefined;
  const files = keyFiles(machine.paths);
  return {
    name: machine.name,
    user: definition.guestUser ?? "root",
    identityFile: files.login,
    knownHostsFile: files.knownHosts,
    hostKeyAlias: hostKeyAlias(machine.id),
  };
}

/** Makes both keys, in OpenSSH's own format. */
export async function makeKeys(paths: MachinePaths, machine: { id: string; name: string }): Promise<void> {
  const files = keyFiles(paths);
  await makePrivateFolder(paths.keys);
  const [login, host] = [newSshKey(`vivarium ${machine.name}`), newSshKey(machine.name)];
  const [type, key] = host.publicKey.split(" ");
  await Promise.all([
    writeFileAtomically(files.login, login.privateKey),
    writeFileAtomically(`${files.login}.pub`, login.publicKey, { mode: 0o644 }),
    writeFileAtomically(files.host, host.privateKey),
    writeFileAtomically(`${files.host}.pub`, host.publicKey, { mode: 0o644 }),
    writeFileAtomically(files.authorizedKeys, login.publicKey),
    writeFileAtomically(files.knownHosts, `${hostKeyAlias(machine.id)} ${type} ${key}\n`),
    writeHostname(paths, machine.name),
  ]);
}

export async function writeHostname(paths: MachinePaths, name: string): Promise<void> {
  await writeFileAtomically(keyFiles(paths).hostname, `${name}\n`);
}

/** Files handed to the guest by fw_cfg (no secret in argv); a machine made without keys gets none. */
export async function guestIdentityFiles(
  paths: MachinePaths,
  definition: Definition,
  hostname = definition.name,
): Promise<{ name: string; file: string }[]> {
  const files = keyFiles(paths);
  if ((await readTextIfPresent(files.authorizedKeys)) === undefined) return [];
  if ((await readTextIfPresent(files.hostname))?.trim() !== hostname) await writeHostname(paths, hostname);
  return [
    { name: "opt/dev.vivarium/hostname", file: files.hostname },
    { name: "opt/dev.vivarium/authorized_keys", file: files.authorizedKeys },
    { name: "opt/dev.vivarium/ssh_host_ed25519_key", file: files.host },
  ];
}
