import { chmod, copyFile, lstat, mkdir, readFile, realpath, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { readTextIfPresent, writeFileAtomically } from "../../machine/index.ts";
import { vivError } from "../../model/index.ts";
import { hasInclude, hostsText, includeLine, ownMark, type SshHost, withInclude, withoutInclude } from "./text.ts";

export interface SshConfig {
  /** The user's file names ours. */
  readonly installed: boolean;
  readonly userFile: string;
  readonly ownFile: string;
  readonly include: string;
  /** What our file says, or would say. */
  readonly text: string;
}

export interface SshConfigPlace {
  readonly home: string;
  readonly launcher: string;
}

const record = "ssh-config.json";

/** `~/.ssh/config` and our file beside it. */
function files(): { userFile: string; ownFile: string; include: string } {
  const folder = join(homedir(), ".ssh");
  const ownFile = join(folder, "vivarium.config");
  return { userFile: join(folder, "config"), ownFile, include: includeLine(ownFile, process.platform) };
}

export async function sshConfig(place: SshConfigPlace, hosts: readonly SshHost[]): Promise<SshConfig> {
  const { userFile, ownFile, include } = files();
  const [user, own] = await Promise.all([readUser(userFile), readTextIfPresent(ownFile)]);
  const installed = hasInclude(user ?? "", include) && ownedBy(own) === place.home;
  return { installed, userFile, ownFile, include, text: textOf(place, hosts) };
}

/**
 * One line at the top of the user's file, which is backed up first, and our file beside it. Repeated it changes nothing.
 * @throws VivError `no-permission` with the line to write by hand.
 */
export async function installSshConfig(place: SshConfigPlace, hosts: readonly SshHost[]): Promise<SshConfig> {
  const { userFile, ownFile, include } = files();
  await mkdir(dirname(userFile), { recursive: true, mode: 0o700 });
  await writeFileAtomically(ownFile, textOf(place, hosts), { mode: 0o600 });
  await writeFileAtomically(join(place.home, record), `${JSON.stringify({ ownFile })}\n`);
  await changeUser(userFile, include, (text) => withInclude(text, include));
  return sshConfig(place, hosts);
}

/** Takes both away again; the user's file is byte for byte what it was without our lines. */
export async function removeSshConfig(place: SshConfigPlace, hosts: readonly SshHost[]): Promise<SshConfig> {
  const { userFile, ownFile, include } = files();
  await changeUser(userFile, include, withoutInclude);
  if (ownedBy(await readTextIfPresent(ownFile)) !== undefined) await rm(ownFile, { force: true });
  await rm(join(place.home, record), { force: true });
  return sshConfig(place, hosts);
}

/** Writes our file anew where it is installed for this home. @returns whether it is. */
export async function renewSshConfig(place: SshConfigPlace, hosts: readonly SshHost[]): Promise<boolean> {
  const known = await readTextIfPresent(join(place.home, record));
  if (known === undefined) return false;
  const { ownFile } = files();
  const before = await readTextIfPresent(ownFile);
  // Removed by hand, or another home's by now.
  if (ownedBy(before) !== place.home) return true;
  const text = textOf(place, hosts);
  if (text !== before) await writeFileAtomically(ownFile, text, { mode: 0o600 });
  return true;
}

function textOf({ home, launcher }: SshConfigPlace, hosts: readonly SshHost[]): string {
  return hostsText(hosts, { home, launcher, platform: process.platform });
}

function ownedBy(text: string | undefined): string | undefined {
  const [first] = (text ?? "").split("\n");
  return first?.startsWith(ownMark) ? first.slice(ownMark.length) : undefined;
}

/** Bytes as Latin-1: whatever else is in it stays as it is. */
async function readUser(file: string): Promise<string | undefined> {
  return readFile(file, "latin1").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Through a link of a dotfiles manager to the file itself; its mode stays, a new one is the user's alone. */
async function changeUser(userFile: string, include: string, change: (text: string) => string): Promise<void> {
  try {
    const before = await readUser(userFile);
    // Our line is text; the file is bytes.
    const after = change(before ?? "");
    if (after === (before ?? "")) return;
    if (before === undefined) {
      await writeFileAtomically(userFile, Buffer.from(after, "latin1"), { mode: 0o600 });
      return;
    }
    const file = await realpath(userFile);
    const backup = `${userFile}.before-vivarium`;
    if (!(await lstat(backup).catch(() => undefined))) {
      await copyFile(file, backup);
      await chmod(backup, 0o600);
    }
    if (after === "") await rm(file);
    else await writeFileAtomically(file, Buffer.from(after, "latin1"), { mode: (await lstat(file)).mode & 0o777, durable: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") throw error;
    throw vivError("no-permission", `${userFile} cannot be changed: ${message}`, `Put this line at its top yourself: ${include}`, error);
  }
}
