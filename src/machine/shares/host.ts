import { realpath } from "node:fs/promises";
import type { Toolchain } from "../../backends/index.ts";
import type { Definition, Share } from "../../model/index.ts";
import { has9p, type LaunchContext } from "../../qemu/index.ts";
import type { Machine } from "../machine.ts";
import type { HostWays, Refusal } from "./choose.ts";
import type { SharedFolder } from "./folder.ts";
import { virtiofsdProblem } from "./virtiofsd.ts";

/** What the command line has to know of a machine's shares. */
export async function shareContext(
  machine: Machine,
  definition: Definition,
  toolchain: Toolchain,
): Promise<Pick<LaunchContext, "virtiofs" | "sharePaths">> {
  const { shares } = definition;
  if (shares === undefined) return {};
  const paths = await Promise.all(shares.map(async ({ tag, path }) => [tag, await realpath(path).catch(() => path)] as const));
  return {
    virtiofs: machine.host.platform === "linux" && (await virtiofsdProblem(toolchain)) === undefined,
    sharePaths: Object.fromEntries(paths),
  };
}

/** What this host can give the running process for a share: 9p and mappable memory only as it was started with. */
export async function hostWays(machine: Machine, share: Pick<Share, "tag" | "readOnly">, folder: SharedFolder): Promise<HostWays> {
  return { virtiofs: await whyNoVirtiofs(machine), "9p": whyNo9p(machine, share, folder) };
}

function whyNo9p(machine: Machine, share: Pick<Share, "tag" | "readOnly">, folder: SharedFolder): Refusal | undefined {
  if (!has9p(machine.host.platform)) return { reason: "QEMU's 9p server is not built for Windows" };
  const server = machine.state.run?.sharing?.servers[share.tag];
  if (server?.path === folder.path && server.readOnly === share.readOnly) return undefined;
  return { reason: "QEMU takes a folder for 9p only when the machine starts", atNextStart: true };
}

async function whyNoVirtiofs(machine: Machine): Promise<Refusal | undefined> {
  if (machine.host.platform !== "linux") return { reason: "virtiofsd exists on Linux hosts only" };
  const problem = await virtiofsdProblem(await machine.host.toolchain());
  if (problem !== undefined) return { reason: problem };
  if (machine.state.run?.sharing?.memory) return undefined;
  return { reason: "the machine was started with memory that cannot be shared", atNextStart: true };
}
