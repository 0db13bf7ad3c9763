import { type Stats, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { applyEdits, modify, type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { checkDefinition, type Definition, describeProblems, StateFile, vivError } from "../model/index.ts";
import { readTextIfPresent, writeFileAtomically } from "./storage.ts";

/**
 * The folder is the machine: `vm.json` (what the user wants), `state.json` (what is so), disks, keys, logs.
 * Its sockets live apart, in a short path.
 */
export interface MachinePaths {
  readonly folder: string;
  readonly definition: string;
  readonly state: string;
  readonly command: string;
  readonly keys: string;
  readonly logs: string;
  readonly suspend: string;
  /** What the machine was, and which layers its disks are in now. */
  readonly snapshotsFile: string;
  /** What is known of the content of files that snapshots need. */
  readonly hashes: string;
  readonly snapshots: string;
  readonly layers: string;
}

export function machinePaths(folder: string): MachinePaths {
  return {
    folder,
    definition: join(folder, "vm.json"),
    state: join(folder, "state.json"),
    command: join(folder, "command.txt"),
    keys: join(folder, "keys"),
    logs: join(folder, "logs"),
    suspend: join(folder, "suspend"),
    snapshotsFile: join(folder, "snapshots.json"),
    hashes: join(folder, "hashes.json"),
    snapshots: join(folder, "snapshots"),
    layers: join(folder, "layers"),
  };
}

/** `run/<short id>/`: unix sockets allow 103 bytes on macOS, 107 on Linux; the shorter counts everywhere. */
export const socketPathLimit = 103;

export interface RunPaths {
  readonly folder: string;
  readonly qmp: string;
  readonly rescue: string;
  readonly serial: string;
  readonly agent: string;
  readonly vnc: string;
  readonly pidFile: string;
}

export function runPaths(runFolder: string, id: string): RunPaths {
  const folder = join(runFolder, id.slice(0, 8));
  return {
    folder,
    qmp: join(folder, "qmp.sock"),
    rescue: join(folder, "rescue.sock"),
    serial: join(folder, "serial.sock"),
    agent: join(folder, "agent.sock"),
    vnc: join(folder, "vnc.sock"),
    pidFile: join(folder, "qemu.pid"),
  };
}

/** A path of vm.json, absolute. */
export function inFolder(folder: string, file: string): string {
  return isAbsolute(file) ? file : join(folder, file);
}

export type LoadedDefinition =
  | { definition: Definition; text: string; modifiedMs: number }
  | { problem: string; hint: string; modifiedMs: number };

/** As much as `machine.replaceDefinition` takes. */
const largestDefinitionBytes = 1_000_000;

/** Reads and checks vm.json; never throws for its content. */
export async function loadDefinition(paths: MachinePaths): Promise<LoadedDefinition> {
  const hint = `Edit ${paths.definition}, or restore it from a copy.`;
  const found = factsOf(paths.definition);
  const modifiedMs = found?.mtimeMs ?? 0;
  if (found && (!found.isFile() || found.size > largestDefinitionBytes)) {
    return { problem: `vm.json is ${found.isFile() ? `too large (${found.size} bytes)` : "not a file"}`, hint, modifiedMs };
  }
  const text = await readTextIfPresent(paths.definition).catch((error: Error) => error);
  if (text === undefined) return { problem: "vm.json is missing", hint, modifiedMs };
  if (text instanceof Error) return { problem: `vm.json cannot be read: ${text.message}`, hint, modifiedMs };
  const parsed = parseDefinition(text);
  return "problem" in parsed
    ? { problem: `vm.json: ${parsed.problem}`, hint, modifiedMs }
    : { definition: parsed.definition, text, modifiedMs };
}

export async function modifiedTime(file: string): Promise<number> {
  return factsOf(file)?.mtimeMs ?? 0;
}

function factsOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

/** Parses the text of a vm.json (comments allowed); problems in words with line and column. */
export function parseDefinition(text: string): { definition: Definition } | { problem: string } {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first) {
    const before = text.slice(0, first.offset).split("\n");
    return { problem: `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${printParseErrorCode(first.error)}` };
  }
  const checked = checkDefinition(value);
  return "definition" in checked ? checked : { problem: describeProblems(checked.problems) };
}

/** A text of vm.json with values changed in place; comments and order stay. */
export function editDefinition(text: string, edits: readonly { path: (string | number)[]; value: unknown }[]): string {
  return edits.reduce(
    (current, edit) =>
      applyEdits(current, modify(current, edit.path, edit.value, { formattingOptions: { insertSpaces: true, tabSize: 2 } })),
    text,
  );
}

/** `networks.0.mode=none`, or `networks[0].mode=none` as changes are shown → an edit. The value is JSON where it parses as JSON, otherwise text; empty removes the key. */
export function parseAssignment(assignment: string): { path: (string | number)[]; value: unknown } {
  const equals = assignment.indexOf("=");
  const key = assignment
    .slice(0, equals)
    .trim()
    .replace(/\[(\d+)\]/g, ".$1");
  if (equals < 1 || !/^[A-Za-z][\w]*(\.(\d+|[A-Za-z][\w-]*))*$/.test(key)) {
    throw vivError("usage", `“${assignment}” is not KEY=VALUE.`, "For example memory=1G, cpus=2 or networks.0.mode=none.");
  }
  const path = key.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return { path, value: parseValue(assignment.slice(equals + 1)) };
}

function parseValue(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export function emptyState(): StateFile {
  return { schema: 1, wanted: "stopped", readinessHistory: [] };
}

/** Reads state.json. One that cannot be used is reported, and facts are then found anew from the processes. */
export async function loadState(paths: MachinePaths): Promise<{ state: StateFile; rebuilt: boolean }> {
  const text = await readTextIfPresent(paths.state);
  if (text === undefined) return { state: emptyState(), rebuilt: true };
  try {
    return { state: StateFile.parse(JSON.parse(text)), rebuilt: false };
  } catch {
    return { state: emptyState(), rebuilt: true };
  }
}

export async function saveState(paths: MachinePaths, state: StateFile, options: { durable?: boolean } = {}): Promise<void> {
  await writeFileAtomically(paths.state, `${JSON.stringify(state, null, 2)}\n`, { durable: options.durable ?? false });
}
