import { randomBytes } from "node:crypto";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { launch, type Toolchain } from "../../backends/index.ts";
import { type ProcessIdentity, type Share, vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { killProcess } from "../processEnd.ts";
import type { SharedFolder } from "./folder.ts";

/**
 * virtiofsd, one process a share: it serves one folder, in namespaces of its own where nothing else of the host can be
 * seen (`--sandbox namespace`, as root and as any user; never `none`), under seccomp, and ends when QEMU hangs up.
 */

const listensWithinMs = 10_000;

const fit = new Map<string, Promise<string | undefined>>();

/** Why this toolchain's virtiofsd cannot be used; undefined: it can. The C program of QEMU before 8 is another one. */
export function virtiofsdProblem(toolchain: Toolchain): Promise<string | undefined> {
  if (!toolchain.has("virtiofsd")) return Promise.resolve("virtiofsd is not installed on this host");
  const known = fit.get(toolchain.id) ?? askHelp(toolchain);
  fit.set(toolchain.id, known);
  return known;
}

async function askHelp(toolchain: Toolchain): Promise<string | undefined> {
  const { file, argsPrefix, env } = toolchain.program("virtiofsd");
  const answer = await execa(file, [...argsPrefix, "--help"], { env, reject: false, timeout: 10_000, stdin: "ignore" });
  return /--translate-uid/.test(answer.stdout) ? undefined : "this host's virtiofsd is too old (1.13 or newer is needed)";
}

export interface Served {
  readonly socket: string;
  readonly process: ProcessIdentity;
}

/** Whom files belong to: one user of the host is one user of the guest, and every other user of the guest writes as that one. */
export interface Owners {
  readonly host: { readonly uid: number; readonly gid: number };
  readonly guest: { readonly uid: number; readonly gid: number };
}

/** Pure: the golden test pins it. */
export function virtiofsdArguments(folder: string, socket: string, readOnly: boolean, owners: Owners): string[] {
  return [
    ...["--shared-dir", folder, "--socket-path", socket],
    ...["--sandbox", "namespace", "--seccomp", "kill", "--log-level", "warn"],
    ...(readOnly ? ["--readonly"] : []),
    ...translation("uid", owners.guest.uid, owners.host.uid),
    ...translation("gid", owners.guest.gid, owners.host.gid),
  ];
}

const lastId = 4_294_967_295;

function translation(which: "uid" | "gid", guest: number, host: number): string[] {
  const option = `--translate-${which}`;
  const above = lastId - 1 - guest;
  return [
    ...[option, `map:${guest}:${host}:1`],
    ...(guest > 0 ? [option, `squash-guest:0:${host}:${guest}`] : []),
    ...(above > 0 ? [option, `squash-guest:${guest + 1}:${host}:${above}`] : []),
  ];
}

/** Starts it and waits until it listens. @throws VivError `failed` with its log. */
export async function startVirtiofsd(
  machine: Machine,
  toolchain: Toolchain,
  share: Pick<Share, "tag" | "readOnly">,
  folder: SharedFolder,
  guest: Owners["guest"],
): Promise<Served> {
  const socket = join(machine.run.folder, `fs-${randomBytes(3).toString("hex")}.sock`);
  const log = join(machine.paths.logs, "virtiofsd.log");
  const host = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const launched = await launch({
    program: toolchain.program("virtiofsd"),
    args: virtiofsdArguments(folder.path, socket, share.readOnly, { host, guest }),
    cwd: machine.run.folder,
    stderrFile: log,
    scope: `vivarium-${machine.name}-share`,
  });
  let ended = false;
  void launched.exited.then(() => {
    ended = true;
  });
  const deadline = Date.now() + listensWithinMs;
  while (!ended && Date.now() < deadline) {
    const listens = await access(socket).then(
      () => true,
      () => false,
    );
    if (listens) return { socket, process: { pid: launched.pid, startTime: launched.startTime } };
    await new Promise((wake) => setTimeout(wake, 4));
  }
  await killProcess(launched);
  throw vivError("failed", `${machine.name}: virtiofsd did not start for the share ${share.tag}.`, `Its log: ${log}`);
}
