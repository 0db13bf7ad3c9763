import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import which from "which";
import { type Definition, vivError } from "../model/index.ts";
import type { MachinePaths } from "./folder.ts";
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

/** Makes the keys with ssh-keygen. @throws VivError `host-cannot` where OpenSSH is missing. */
export async function makeKeys(paths: MachinePaths, machine: { id: string; name: string }): Promise<void> {
  const files = keyFiles(paths);
  await makePrivateFolder(paths.keys);
  const keygen = await findKeygen();
  const make = (file: string, comment: string) =>
    execa(keygen, ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file], { stdin: "ignore" });
  await Promise.all([make(files.login, `vivarium ${machine.name}`), make(files.host, machine.name)]);
  const [login, host] = await Promise.all([readFile(`${files.login}.pub`, "utf8"), readFile(`${files.host}.pub`, "utf8")]);
  const [type, key] = host.split(" ");
  await Promise.all([
    writeFileAtomically(files.authorizedKeys, login),
    writeFileAtomically(files.knownHosts, `${hostKeyAlias(machine.id)} ${type} ${key}\n`),
    writeHostname(paths, machine.name),
    chmod(files.login, 0o600),
    chmod(files.host, 0o600),
  ]);
}

export async function writeHostname(paths: MachinePaths, name: string): Promise<void> {
  await writeFileAtomically(keyFiles(paths).hostname, `${name}\n`);
}

async function findKeygen(): Promise<string> {
  const found = await which("ssh-keygen", { nothrow: true });
  if (found) return found;
  throw vivError(
    "host-cannot",
    "ssh-keygen was not found, so the machine would have no keys.",
    "Install OpenSSH: sudo apt-get install openssh-client (Windows: Settings → Optional features → OpenSSH Client).",
  );
}

/** Files handed to the guest by fw_cfg (no secret in argv); a machine made without keys gets none. */
export async function guestIdentityFiles(paths: MachinePaths, definition: Definition): Promise<{ name: string; file: string }[]> {
  const files = keyFiles(paths);
  if ((await readTextIfPresent(files.authorizedKeys)) === undefined) return [];
  if ((await readTextIfPresent(files.hostname))?.trim() !== definition.name) await writeHostname(paths, definition.name);
  return [
    { name: "opt/dev.vivarium/hostname", file: files.hostname },
    { name: "opt/dev.vivarium/authorized_keys", file: files.authorizedKeys },
    { name: "opt/dev.vivarium/ssh_host_ed25519_key", file: files.host },
  ];
}
