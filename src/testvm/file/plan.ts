import { type Architecture, requireDuration } from "../../model/index.ts";
import type { LoadedFile } from "./load.ts";
import { forTarget, mergeChain } from "./merge.ts";
import type { Path } from "./parse.ts";
import type { FileProblem } from "./problem.ts";
import { type LifecycleCommand, type LifecycleName, lifecycleNames, type OneCommand, type TestVmFile } from "./schema.ts";
import { environmentNames, substitute, type VariableValues } from "./variables.ts";

/** A command of the guest; `name` where several run at the same time. */
export interface PlannedCommand {
  readonly name?: string;
  readonly words: readonly string[];
}

export interface PlannedForward {
  readonly guestPort: number;
  readonly hostPort?: number;
  readonly label?: string;
}

/** What one target's machine is and what happens in it; plain data, every variable put in. */
export interface Plan {
  readonly folder: string;
  /** Undefined where the file has no targets. */
  readonly target: string | undefined;
  readonly title: string;
  readonly image: string;
  readonly architecture?: Architecture;
  readonly cpus?: number;
  readonly memory?: string;
  readonly disk?: string;
  readonly network: "nat" | "none";
  readonly hostRequirements: NonNullable<TestVmFile["hostRequirements"]>;
  readonly forwards: readonly PlannedForward[];
  readonly workspaceFolder: string;
  readonly workspaceMount: "sync" | "none";
  readonly outputs: readonly string[];
  readonly user?: string;
  /** `K=V`, the secrets among them. */
  readonly environment: readonly string[];
  readonly steps: readonly { readonly name: LifecycleName; readonly commands: readonly PlannedCommand[] }[];
  /** The last step that must have ended before the tests begin. */
  readonly waitFor: LifecycleName;
  readonly tests?: {
    readonly command: PlannedCommand;
    readonly junit: readonly string[];
    readonly tap?: string;
    readonly coverage?: string;
    readonly timeoutMs?: number;
  };
  /** Later runs go on from what the first one was after postCreateCommand. */
  readonly warm: boolean;
  readonly rebuildOn?: readonly string[];
  readonly onFailure: "discard" | "keep";
}

export interface Surroundings {
  /** This computer's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Names of it that the user allowed. */
  readonly allowed: ReadonlySet<string>;
}

/** What the file calls its tests. */
export function nameOf(loaded: LoadedFile): string | undefined {
  return mergeChain(loaded.chain.map(({ value }) => value)).name;
}

/** The targets of a file, in its order; none: there is one machine, without a name. */
export function targetsOf(loaded: LoadedFile): string[] {
  return Object.keys(mergeChain(loaded.chain.map(({ value }) => value)).targets ?? {});
}

/** The names of this computer's environment that a file asks for, as secrets or variables. */
export function askedEnvironment(loaded: LoadedFile): string[] {
  const names = loaded.chain.flatMap(({ value }) => [
    ...environmentNames(JSON.stringify(value)),
    ...[value, ...Object.values(value.targets ?? {})].flatMap(({ secrets = [] }) => secrets),
  ]);
  return [...new Set(names)].sort();
}

/** What is to be done for one target. Pure: the environment is handed in. */
export function resolvePlan(
  loaded: LoadedFile,
  target: string | undefined,
  surroundings: Surroundings,
): { readonly plan: Plan } | { readonly problems: readonly FileProblem[] } {
  const problems: FileProblem[] = [];
  const places = (path: Path): Path[] => (target === undefined ? [path] : [["targets", target, ...path], path]);
  const problem = (path: Path, message: string) => problems.push(loaded.problemAt(places(path), message));
  const values: VariableValues = { localWorkspaceFolder: loaded.folder, targetName: target ?? "default", ...surroundings };
  const { targets: _others, ...file } = forTarget(mergeChain(loaded.chain.map(({ value }) => value)), target);
  const said = substituteAll(file, values, problem) as TestVmFile;

  if (said.image === undefined) problem([], 'an image is missing: "image": "starter"');
  const secrets = (said.secrets ?? []).flatMap((name) => {
    if (!surroundings.allowed.has(name)) problem(["secrets"], `the secret ${name} is not allowed: viv trust add --allow-env ${name}`);
    const value = surroundings.environment[name];
    if (value === undefined && surroundings.allowed.has(name)) problem(["secrets"], `the secret ${name} is not set in this environment`);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  if (said.network === "none" && (said.forwardPorts ?? []).length > 0) problem(["forwardPorts"], "needs network nat");
  for (const port of Object.keys(said.portsAttributes ?? {}))
    if (!(said.forwardPorts ?? []).includes(Number(port))) problem(["portsAttributes", port], `${port} is not in forwardPorts`);
  if (said.workspaceMount === "none" && (said.outputs ?? []).length > 0) problem(["outputs"], "needs workspaceMount sync");
  const workspaceFolder = said.workspaceFolder ?? "/workspace";
  if (workspaceFolder.replace(/\/+/g, "/") === "/") problem(["workspaceFolder"], "cannot be the guest's whole file system");
  if (problems.length > 0 || said.image === undefined) return { problems };

  return {
    plan: {
      folder: loaded.folder,
      target,
      title: said.name ?? loaded.folder.split(/[/\\]/).at(-1) ?? "tests",
      image: said.image,
      ...defined({ architecture: said.architecture, cpus: said.cpus, memory: said.memory, disk: said.disk, user: said.remoteUser }),
      network: said.network ?? "nat",
      hostRequirements: said.hostRequirements ?? {},
      forwards: (said.forwardPorts ?? []).map((port) => forwardOf(port, said.portsAttributes?.[String(port)])),
      workspaceFolder,
      workspaceMount: said.workspaceMount ?? "sync",
      outputs: said.outputs ?? [],
      environment: [...Object.entries(said.remoteEnv ?? {}).map(([name, value]) => `${name}=${value}`), ...secrets],
      steps: lifecycleNames.flatMap((name) => {
        const command = said[name];
        return command === undefined ? [] : [{ name, commands: commandsOf(command) }];
      }),
      waitFor: said.waitFor ?? "postStartCommand",
      ...testsOf(said),
      warm: said.warm ?? true,
      ...defined({ rebuildOn: said.rebuildOn }),
      onFailure: said.onFailure ?? "discard",
    },
  };
}

function forwardOf(
  guestPort: number,
  attributes: { label?: string | undefined; requireLocalPort?: boolean | undefined } = {},
): PlannedForward {
  return {
    guestPort,
    ...(attributes.requireLocalPort ? { hostPort: guestPort } : {}),
    ...(attributes.label === undefined ? {} : { label: attributes.label }),
  };
}

function testsOf({ tests }: TestVmFile): Pick<Plan, "tests"> {
  if (tests?.command === undefined) return {};
  const { command, junit, tap, coverage, timeout } = tests;
  return {
    tests: {
      command: { words: wordsOf(command) },
      junit: junit === undefined ? [] : typeof junit === "string" ? [junit] : junit,
      ...(tap === undefined ? {} : { tap }),
      ...(coverage === undefined ? {} : { coverage }),
      ...(timeout === undefined ? {} : { timeoutMs: requireDuration(timeout) }),
    },
  };
}

function commandsOf(command: LifecycleCommand): PlannedCommand[] {
  if (typeof command === "string" || Array.isArray(command)) return [{ words: wordsOf(command) }];
  return Object.entries(command).map(([name, one]) => ({ name, words: wordsOf(one) }));
}

function wordsOf(command: OneCommand): readonly string[] {
  return typeof command === "string" ? ["/bin/sh", "-c", command] : command;
}

function substituteAll(value: unknown, values: VariableValues, problem: (path: Path, message: string) => void, path: Path = []): unknown {
  if (typeof value === "string") return substitute(value, values, (message) => problem(path, message));
  if (Array.isArray(value)) return value.map((one, index) => substituteAll(one, values, problem, [...path, index]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, substituteAll(one, values, problem, [...path, key])]));
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
