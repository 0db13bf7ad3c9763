import { type Definition, type TemplateRecord, vivError } from "../../model/index.ts";
import { launchMachine } from "../launch.ts";
import { letRun } from "../lifecycle.ts";
import type { Machine, Operation } from "../machine.ts";
import { awaitMigration } from "../memory.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";
import { requireUntouched, type TemplateFiles } from "./files.ts";
import { requireSameHardware } from "./hardware.ts";
import { ignoreSharedMemory, loadDeviceState, requireMappedMemory } from "./plan.ts";

/** A template whose files are here. */
export interface ForkSource {
  readonly record: TemplateRecord;
  readonly files: TemplateFiles;
}

/** Everything that could be in the way is found before anything is made. @throws VivError `damaged`, `host-cannot`, `qemu-too-old` */
export async function requireForkable(
  machine: Pick<Machine, "host">,
  { record, files }: ForkSource,
  definition: Definition,
): Promise<void> {
  if (machine.host.platform === "win32") throw vivError("host-cannot", "A template's memory cannot be mapped on Windows hosts.");
  requireUntouched(record, files);
  const [toolchain, choice] = await Promise.all([
    machine.host.toolchainById(record.qemuId),
    machine.host.accelerator({ ...definition, accelerator: record.accelerator }),
  ]);
  requireMappedMemory(toolchain.version);
  requireSameHardware(record, definition, toolchain, choice);
}

/**
 * A QEMU that maps the template's memory and has its devices' state: the guest stands where the template's stood, and has
 * not run. Until then a crash of vivd undoes the fork (recover.ts).
 */
export async function prepareFork(machine: Machine, source: ForkSource, requestedAt: string, operation: Operation): Promise<Session> {
  const { record, files } = source;
  const definition = machine.requireDefinition();
  await operation.step("starting QEMU", { record: {} });
  const [toolchain, choice] = await Promise.all([
    machine.host.toolchainById(record.qemuId),
    machine.host.accelerator({ ...definition, accelerator: record.accelerator }),
  ]);
  const session = await launchMachine(
    machine,
    {
      ...{ definition, toolchain, choice, requestedAt, incoming: true, withholdSsh: true, template: record.id },
      memoryFile: { file: files.memory, mapping: "private" },
    },
    operation,
  );
  const loading = awaitMigration(session, operation);
  loading.catch(() => undefined);
  await runSteps(session, loadDeviceState(files.state));
  await loading;
  return session;
}

/** From here the fork is a machine like any other, whatever happens to vivd. */
export async function letForkRun(machine: Machine, session: Session, operation: Operation): Promise<void> {
  session.vivAgent.greetAhead();
  await operation.step("continuing", { record: {} });
  await letRun(machine, session, machine.requireDefinition());
  await runSteps(session, [ignoreSharedMemory(false)]);
}
