import { access } from "node:fs/promises";
import { join } from "node:path";
import { launch, type Toolchain } from "../backends/index.ts";
import { vivError } from "../model/index.ts";
import type { Machine } from "./machine.ts";
import { makePrivateFolder } from "./storage.ts";

/** Starts swtpm for a machine; its state lives in the machine's folder, and it leaves with QEMU (`--terminate`). */
export async function startTpm(machine: Machine, toolchain: Toolchain): Promise<string> {
  if (!toolchain.has("swtpm")) throw vivError("host-cannot", `${machine.name} wants a TPM, and this host has no swtpm.`, `Use the bundled QEMU, install swtpm, or run: viv set ${machine.name} devices.tpm=false`);
  const state = join(machine.paths.folder, "tpm");
  const socket = join(machine.run.folder, "tpm.sock");
  await makePrivateFolder(state);
  const launched = await launch({
    program: toolchain.program("swtpm"),
    args: ["socket", "--tpm2", "--tpmstate", `dir=${state.replaceAll(",", ",,")},mode=0600`, "--ctrl", `type=unixio,path=${socket.replaceAll(",", ",,")},mode=0600`, "--terminate"],
    cwd: machine.paths.folder,
    stderrFile: join(machine.paths.logs, "swtpm.log"),
  });
  let ended = false;
  void launched.exited.then(() => {
    ended = true;
  });
  for (let tries = 0; tries < 500 && !ended; tries += 1) {
    if (await access(socket).then(() => true, () => false)) return socket;
    await new Promise((wake) => setTimeout(wake, 4));
  }
  throw vivError("failed", `${machine.name}: swtpm did not start.`, `Its log: ${join(machine.paths.logs, "swtpm.log")}`);
}
