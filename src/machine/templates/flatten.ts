import { open } from "node:fs/promises";
import { type Definition, memoryBytes, type SavedMemory } from "../../model/index.ts";
import { launchMachine } from "../launch.ts";
import type { Machine, Operation } from "../machine.ts";
import { awaitMigration, restoreMemory } from "../memory.ts";
import { killProcess } from "../processEnd.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";
import type { TemplateFiles } from "./files.ts";
import { saveDeviceState, takeUplinksOff } from "./plan.ts";

/**
 * Turns memory that was saved as a stream into a flat file that others can map: a QEMU whose memory *is* that file reads
 * the stream, and saves what is left, the devices' state. Its guest never runs, and it has no network.
 *
 * @param machine the template's own folder, as a machine that nobody lists, of the definition `of`
 * @param saved `file` absolute
 * @throws what starting and migration throw; nothing runs afterwards, the files may be half-made
 */
export async function flattenMemory(
  machine: Machine,
  of: Definition,
  saved: SavedMemory,
  files: TemplateFiles,
  operation: Operation,
): Promise<void> {
  const definition = withoutForwards(of);
  const [toolchain, choice] = await Promise.all([
    machine.host.toolchainById(saved.qemuId),
    machine.host.accelerator({ ...definition, accelerator: saved.accelerator }),
  ]);
  await makeSparse(files.memory, memoryBytes(definition));
  const session = await launchMachine(
    machine,
    {
      ...{ definition, toolchain, choice, incoming: true, withholdSsh: true, requestedAt: new Date().toISOString() },
      memoryFile: { file: files.memory, mapping: "shared" },
    },
    operation,
  );
  try {
    await operation.step("reading memory");
    await restoreMemory(session, saved.file, saved.mappedRam, operation);
    await runSteps(session, takeUplinksOff(definition));
    await operation.step("saving the devices");
    const saving = awaitMigration(session, operation);
    await runSteps(session, saveDeviceState(files.state));
    await saving;
  } finally {
    await endQuietly(machine, session);
  }
}

/** Its ports are the running machine's. */
function withoutForwards(definition: Definition): Definition {
  const networks = definition.networks.map((network) => (network.mode === "nat" ? { ...network, forwards: [] } : network));
  return { ...definition, networks };
}

async function makeSparse(file: string, bytes: number): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.truncate(bytes);
  } finally {
    await handle.close();
  }
}

/** Nothing of it is kept, so it may be killed; what it wrote is in the host's page cache. */
async function endQuietly(machine: Machine, session: Session): Promise<void> {
  const { run } = machine.state;
  machine.session = undefined;
  session.dispose();
  if (run) await killProcess(run);
  await machine.record(({ run: _ended, ...state }) => state, { quiet: true });
}
