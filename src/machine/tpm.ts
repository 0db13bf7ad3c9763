import { access, symlink } from "node:fs/promises";
import { join } from "node:path";
import { launch, type Toolchain } from "../backends/index.ts";
import { vivError } from "../model/index.ts";
import type { Machine } from "./machine.ts";
import { killProcess } from "./processEnd.ts";
import { makePrivateFolder } from "./storage.ts";

/** A loaded host may need long; swtpm itself takes 30 ms. */
const listensWithinMs = 20_000;

export interface Tpm {
  readonly socket: string;
  /** For a start that fails before QEMU connects: swtpm leaves by itself only after a connection. */
  kill(): Promise<void>;
}

/**
 * Starts swtpm for a machine; its state lives in the machine's folder, and it leaves with QEMU (`--terminate`). swtpm
 * knows no way to write a comma in a path, so it works in the run folder and sees its state there by a link.
 */
export async function startTpm(machine: Machine, toolchain: Toolchain): Promise<Tpm> {
  if (!toolchain.has("swtpm"))
    throw vivError(
      "host-cannot",
      `${machine.name} wants a TPM, and this host has no swtpm.`,
      `Use the bundled QEMU, install swtpm, or run: viv set ${machine.name} devices.tpm=false`,
    );
  const state = join(machine.paths.folder, "tpm");
  const socket = join(machine.run.folder, "tpm.sock");
  await makePrivateFolder(state);
  await symlink(state, join(machine.run.folder, "tpm"));
  const launched = await launch({
    program: toolchain.program("swtpm"),
    args: ["socket", "--tpm2", "--tpmstate", "dir=tpm,mode=0600", "--ctrl", "type=unixio,path=tpm.sock,mode=0600", "--terminate"],
    cwd: machine.run.folder,
    stderrFile: join(machine.paths.logs, "swtpm.log"),
    scope: `vivarium-${machine.name}-tpm`,
  });
  let ended = false;
  void launched.exited.then(() => {
    ended = true;
  });
  const deadline = Date.now() + listensWithinMs;
  while (!ended && Date.now() < deadline) {
    if (
      await access(socket).then(
        () => true,
        () => false,
      )
    )
      return { socket, kill: async () => void (await killProcess(launched)) };
    await new Promise((wake) => setTimeout(wake, 4));
  }
  await killProcess(launched);
  throw vivError("failed", `${machine.name}: swtpm did not start.`, `Its log: ${join(machine.paths.logs, "swtpm.log")}`);
}
