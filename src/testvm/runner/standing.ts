import type { VivClient } from "../../api/index.ts";
import { asVivError, vivError } from "../../model/index.ts";
import type { LoadedFile, Plan } from "../file/index.ts";
import { upMachineName } from "./names.ts";
import { bringWorkspace, makeMachine, makeReady, runQuietly } from "./ready.ts";
import { type TestMachineRecord, TestMachineRecords } from "./records.ts";
import { checkPlan } from "./run.ts";
import { folderTemplatePrefix, removeTemplates } from "./warm.ts";
import type { RunWork } from "./work.ts";

/** The machine of `viv up`: there until `viv down`. */
export interface Standing {
  readonly machine: string;
  readonly target: string | undefined;
  /** It was made now; else it was there and has the workspace anew. */
  readonly made: boolean;
  readonly forwards: readonly {
    readonly guestPort: number;
    readonly hostAddress: string;
    readonly hostPort: number;
    readonly label?: string;
  }[];
}

/**
 * Makes or starts the plan's machine, brings the workspace, runs the lifecycle commands that are due.
 * @throws VivError `wrong-state` when the machine was made by another version of the file, and as `runTests`.
 */
export async function bringUp(work: RunWork, loaded: LoadedFile, plan: Plan): Promise<Standing> {
  const records = new TestMachineRecords(work.home);
  const machine = upMachineName(plan.folder, plan.target);
  const record = await records.read(machine);
  const state = await stateOf(await work.connect(), machine);
  const there = record?.made === true && state !== "gone";
  if (there && record.hash !== loaded.hash)
    throw vivError("wrong-state", `${machine} was made before the file was changed.`, "viv down removes it; viv up makes a new one.");
  await records.sweep(await work.connect());
  if (!there) await makeStanding(work, loaded, plan, machine, records);
  else if (state === "running") await bringWorkspace(work, plan, machine);
  else await (await makeReady(work, plan, machine, "postStartCommand")).ended();
  const client = await work.connect();
  const { forwards } = await client.call("machine.show", { machine });
  return {
    machine,
    target: plan.target,
    made: !there,
    forwards: forwards.map(({ guestPort, hostAddress, hostPort }) => {
      const label = plan.forwards.find((one) => one.guestPort === guestPort)?.label;
      return { guestPort, hostAddress, hostPort, ...(label === undefined ? {} : { label }) };
    }),
  };
}

/** All of it or nothing: one whose commands failed is gone. */
async function makeStanding(work: RunWork, loaded: LoadedFile, plan: Plan, machine: string, records: TestMachineRecords): Promise<void> {
  await checkPlan(work, loaded, plan);
  // A half-made one is of a `viv up` that was killed.
  await records.discard(await work.connect(), machine);
  const target = plan.target === undefined ? {} : { target: plan.target };
  const record = { machine, folder: plan.folder, ...target, kind: "up", pid: process.pid, hash: loaded.hash } as const;
  await records.write({ ...record, made: false });
  try {
    await makeMachine(work, plan, machine);
    await (await makeReady(work, plan, machine, "onCreateCommand")).ended();
    // What was prepared is there also when the machine's plug is pulled.
    await runQuietly(work, machine, ["sync"]);
    await records.write({ ...record, made: true });
  } catch (error) {
    await records.discard(await work.connect(), machine);
    throw error;
  }
}

async function stateOf(client: VivClient, machine: string): Promise<string> {
  return client.call("machine.show", { machine }).then(
    ({ state }) => state,
    (error: unknown) => {
      if (asVivError(error).code === "not-found") return "gone";
      throw error;
    },
  );
}

export interface TestMachineStatus extends Omit<TestMachineRecord, "pid" | "hash" | "made"> {
  /** Of the machine; `gone`: somebody removed it. */
  readonly state: string;
}

/** The machines of a folder's tests. */
export async function standing(work: Pick<RunWork, "connect" | "home">, folder: string): Promise<TestMachineStatus[]> {
  const records = (await new TestMachineRecords(work.home).list()).filter((record) => record.folder === folder);
  const client = await work.connect();
  return Promise.all(
    records.map(async ({ machine, target, kind }) => {
      const state = await stateOf(client, machine);
      return { machine, folder, ...(target === undefined ? {} : { target }), kind, state };
    }),
  );
}

/** Removes a folder's machines for good: of `viv up`, kept ones, what killed runners left, warm templates. Gives their names. */
export async function takeDown(work: Pick<RunWork, "connect" | "home">, folder: string): Promise<string[]> {
  const records = new TestMachineRecords(work.home);
  const client = await work.connect();
  const swept = await records.sweep(client);
  const mine = (await records.list()).filter((record) => record.folder === folder && record.kind !== "run");
  for (const { machine } of mine) await records.discard(client, machine);
  const templates = await removeTemplates(client, folderTemplatePrefix(folder));
  return [...swept, ...mine.map(({ machine }) => machine), ...templates];
}
