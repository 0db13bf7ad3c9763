import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type Definition, FirstBoot, userDataLimitBytes, vivError } from "../../model/index.ts";
import { hasSeed, type IsoEntry, writeIso } from "../../qemu/index.ts";
import { inFolder, type MachinePaths } from "../folder.ts";
import type { Machine } from "../machine.ts";
import { keyFiles } from "../sshKeys.ts";
import { makePrivateFolder, readTextIfPresent, writeFileAtomically } from "../storage.ts";
import { agentInstallScript } from "./agentInstall.ts";
import { cloudConfig, type FirstBootFacts, metaData, seedLabel } from "./cloudConfig.ts";
import { credentials, smbiosString } from "./credentials.ts";
import { hashPassword } from "./passwordHash.ts";
import { cloudConfigText, mergeCloudConfig, parseUserData } from "./userData.ts";

/** The files of a first boot: what the guest is handed, and how it is gone afterwards. */

/** Every seed has this size, so that a blank one can stand in for it where a saved memory knows the disk. */
const seedBytes = 2 * 1024 ** 2;

export function seedFile(paths: MachinePaths): string {
  return join(paths.folder, "first-boot.iso");
}

function secretsFile(paths: MachinePaths): string {
  return join(paths.keys, "first-boot.json");
}

const Secrets = z.object({ passwords: z.record(z.string(), z.string()) });

/** Keeps a password's hash for the first boot, in a file of the owner's alone; the password itself is nowhere. */
export async function keepPassword(paths: MachinePaths, user: string, password: string): Promise<void> {
  const passwords = { ...(await keptPasswords(paths)), [user]: hashPassword(password) };
  await makePrivateFolder(paths.keys);
  await writeFileAtomically(secretsFile(paths), JSON.stringify({ passwords }), { durable: true });
}

async function keptPasswords(paths: MachinePaths): Promise<Record<string, string>> {
  const text = await readTextIfPresent(secretsFile(paths));
  return text === undefined ? {} : Secrets.parse(JSON.parse(text)).passwords;
}

/** What a machine starts with: a machine that has had its first boot starts without it. */
export function definitionToStart(machine: Machine): Definition {
  const definition = machine.requireDefinition();
  if (machine.state.firstBoot === undefined || definition.firstBoot === undefined) return definition;
  const { firstBoot: _done, ...rest } = definition;
  return rest;
}

/** What is handed to QEMU at a start. */
export interface FirstBootFiles {
  readonly seed?: string;
  readonly credentials?: readonly string[];
}

/**
 * Writes what this start hands to the guest; leftovers of an earlier one go. A machine whose memory is loaded has read
 * its seed long ago: a blank disk stands for it.
 * @throws VivError `usage` for user-data that does not parse, `not-found` for a file that is not there.
 */
export async function prepareFirstBoot(machine: Machine, definition: Definition, incoming: boolean): Promise<FirstBootFiles> {
  const { paths } = machine;
  if (!hasSeed(definition)) await rm(seedFile(paths), { force: true });
  if (definition.firstBoot === undefined) return {};
  if (hasSeed(definition)) {
    const blank = incoming && machine.state.firstBoot !== undefined;
    const image = blank
      ? Buffer.alloc(seedBytes)
      : writeIso(await seedEntries(machine, definition), { label: seedLabel, bytes: seedBytes });
    if (image.length > seedBytes)
      throw vivError(
        "usage",
        `${machine.name}: the first boot has more than ${seedBytes / 1024 ** 2} MiB of data.`,
        "Make its scripts or its user-data smaller.",
      );
    await writeFileAtomically(seedFile(paths), image);
    return { seed: seedFile(paths) };
  }
  if (definition.firstBoot.by !== "credentials") return {};
  return { credentials: await writeCredentials(machine, definition) };
}

async function seedEntries(machine: Machine, definition: Definition): Promise<IsoEntry[]> {
  const agent = await machine.host.agentProgram(definition.architecture);
  const facts = await factsOf(machine, definition, agent !== undefined);
  return [
    { path: "meta-data", content: Buffer.from(metaData(facts)) },
    { path: "user-data", content: Buffer.from(await userDataOf(machine.paths, facts)) },
    ...(agent
      ? [
          { path: "vivarium/viv-agent", content: agent, mode: 0o755 },
          { path: "vivarium/install", content: Buffer.from(agentInstallScript), mode: 0o755 },
        ]
      : []),
  ];
}

async function userDataOf(paths: MachinePaths, facts: FirstBootFacts): Promise<string> {
  const { userData } = facts.firstBoot;
  const base = cloudConfig(facts);
  if (userData === undefined) return cloudConfigText(base);
  return cloudConfigText(mergeCloudConfig(base, parseUserData(await readUserData(inFolder(paths.folder, userData)), userData)));
}

/** @throws VivError `not-found`, `usage` for what is no file, or too large. */
export async function readUserData(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  if (!found) throw vivError("not-found", `There is no user-data ${file}.`, "Set firstBoot.userData to a file, or leave it out.");
  if (!found.isFile() || found.size > userDataLimitBytes)
    throw vivError(
      "usage",
      `${file} is ${found.isFile() ? `too large for user-data: ${found.size} bytes, at most ${userDataLimitBytes / 1024} KiB` : "not a file"}.`,
    );
  return (await readTextIfPresent(file)) ?? "";
}

/** Everything a first boot needs, from the machine's folder. @throws VivError `damaged` for a machine without keys. */
export async function factsOf(machine: Machine, definition: Definition, hasAgent: boolean): Promise<FirstBootFacts> {
  const keys = keyFiles(machine.paths);
  const [authorizedKey, hostPrivate, hostPublic] = await Promise.all(
    [keys.authorizedKeys, keys.host, `${keys.host}.pub`].map((file) => readTextIfPresent(file)),
  );
  if (authorizedKey === undefined || hostPrivate === undefined || hostPublic === undefined)
    throw vivError("damaged", `${machine.name} has lost its SSH keys.`, `Restore ${machine.paths.keys} from a copy.`);
  return {
    id: definition.id,
    name: definition.name,
    firstBoot: definition.firstBoot ?? FirstBoot.parse({}),
    guestUser: definition.guestUser,
    authorizedKey,
    hostKey: { private: hostPrivate, public: hostPublic },
    passwords: await keptPasswords(machine.paths),
    shell: /^(alpine|freebsd)/.test(definition.image ?? "") ? "/bin/sh" : "/bin/bash",
    hasAgent,
  };
}

async function writeCredentials(machine: Machine, definition: Definition): Promise<string[]> {
  const folder = join(machine.run.folder, "credentials");
  await makePrivateFolder(folder);
  const list = credentials(await factsOf(machine, definition, false));
  return Promise.all(
    list.map(async (credential) => {
      const file = join(folder, credential.name);
      await writeFileAtomically(file, smbiosString(credential));
      return file;
    }),
  );
}

/** The seed's content and the kept secrets are gone, wherever they are open. */
export async function wipe(paths: MachinePaths): Promise<void> {
  await rm(secretsFile(paths), { force: true });
  const handle = await open(seedFile(paths), "r+").catch(() => undefined);
  if (!handle) return;
  try {
    // Written over, not cut off: QEMU has it open, and what the guest reads then are zeros.
    await handle.write(Buffer.alloc((await handle.stat()).size), 0, undefined, 0);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
