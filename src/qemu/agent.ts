import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { vivError } from "../model/index.ts";
import { type AgentLimits, type AgentWire, openAgentWire } from "./agentWire.ts";
import type { Limits } from "./deadline.ts";

/** qemu-guest-agent, seen from the host. Every answer is the guest's word; strings in it are not fit for a terminal as they are. */
export interface GuestAgent {
  ping(limits?: Limits): Promise<void>;
  info(limits?: Limits): Promise<AgentInfo>;
  hostname(limits?: Limits): Promise<string>;
  osInfo(limits?: Limits): Promise<OsInfo>;
  interfaces(limits?: Limits): Promise<GuestInterface[]>;
  /** @param epochMs the host's time, ms since 1970. Without a value the guest would read its RTC chip: slower, off by up to 0.4 s (docs/traps.md §5). */
  setTime(epochMs: number, limits?: Limits): Promise<void>;
  /** The guest's clock, ms since 1970. */
  time(limits?: Limits): Promise<number>;
  /** Writes out the guest's file systems and stops writing to them. Until `thaw` little else is answered. @returns how many. */
  freeze(limits?: Limits): Promise<number>;
  /** @returns how many file systems it thawed. */
  thaw(limits?: Limits): Promise<number>;
  /** Tells the disks what its file systems do not use; bytes that were newly given back, where the guest says. */
  trim(limits?: Limits): Promise<number | undefined>;
  exec(request: ExecRequest, limits?: Limits): Promise<ExecResult>;
  /** @throws VivError `agent-failed` when the file has more than `limitBytes` (default 64 MiB) */
  readFile(path: string, options?: Limits & { readonly limitBytes?: number }): Promise<Buffer>;
  /** Makes or replaces the file (mode as the guest's umask says). */
  writeFile(path: string, content: Uint8Array, limits?: Limits): Promise<void>;
  /** Bytes. */
  fileSize(path: string, limits?: Limits): Promise<number>;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  dispose(): void;
}

export interface ExecRequest {
  /** Program in the guest, searched in the agent's PATH. No shell. */
  readonly program: string;
  readonly args?: readonly string[];
  /** `NAME=value`; replaces the whole environment where given. */
  readonly env?: readonly string[];
  /** At most 16 MiB. */
  readonly stdin?: Uint8Array;
}

/** The agent keeps at most 16 MiB of each stream, and gives it only when the program has ended. */
export interface ExecResult {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
}

const mib = 1024 ** 2;
/** Two streams of 16 MiB in base64, and some. */
const execAnswerLimitBytes = 48 * mib;
const stdinLimitBytes = 16 * mib;
const chunkBytes = mib / 2;

const Text = z.string().max(4096);
const Nothing = z.looseObject({});
const Base64 = z.string().transform((text) => Buffer.from(text, "base64"));

const Info = z
  .looseObject({ version: Text, supported_commands: z.array(z.looseObject({ name: Text, enabled: z.boolean() })).max(1000) })
  .transform(({ version, supported_commands }) => ({
    version,
    commands: supported_commands.filter(({ enabled }) => enabled).map(({ name }) => name),
  }));
export type AgentInfo = z.infer<typeof Info>;

const OsInfo = z
  .looseObject({
    id: Text.optional(),
    name: Text.optional(),
    "pretty-name": Text.optional(),
    "version-id": Text.optional(),
    "kernel-release": Text.optional(),
    machine: Text.optional(),
  })
  .transform((os) => ({
    id: os.id,
    name: os.name,
    prettyName: os["pretty-name"],
    versionId: os["version-id"],
    kernelRelease: os["kernel-release"],
    machine: os.machine,
  }));
export type OsInfo = z.infer<typeof OsInfo>;

const Address = z.looseObject({ "ip-address": z.union([z.ipv4(), z.ipv6()]), prefix: z.int().min(0).max(128) });
const Interface = z
  .looseObject({ name: Text, "hardware-address": Text.optional(), "ip-addresses": z.array(Address).max(256).default([]) })
  .transform((each) => ({
    name: each.name,
    mac: each["hardware-address"],
    addresses: each["ip-addresses"].map((one) => ({ address: one["ip-address"], prefix: one.prefix })),
  }));
export type GuestInterface = z.infer<typeof Interface>;

const Trimmed = z.looseObject({
  paths: z.array(z.looseObject({ path: Text, trimmed: z.number().optional(), error: Text.optional() })).max(1000),
});

const ExecStatus = z.looseObject({
  exited: z.boolean(),
  exitcode: z.int().optional(),
  signal: z.int().optional(),
  "out-data": Base64.optional(),
  "err-data": Base64.optional(),
  "out-truncated": z.boolean().default(false),
  "err-truncated": z.boolean().default(false),
});

/** Takes over a stream connected to the agent's channel. Nothing is sent until the first call. */
export function connectAgent(stream: Duplex): GuestAgent {
  const wire = openAgentWire(stream);
  const { send } = wire;
  return {
    ping: async (limits) => void (await send("guest-ping", {}, Nothing, limits)),
    info: (limits) => send("guest-info", {}, Info, limits),
    hostname: async (limits) => (await send("guest-get-host-name", {}, z.looseObject({ "host-name": Text }), limits))["host-name"],
    osInfo: (limits) => send("guest-get-osinfo", {}, OsInfo, limits),
    interfaces: (limits) => send("guest-network-get-interfaces", {}, z.array(Interface).max(1000), limits),
    setTime: async (epochMs, limits) => void (await send("guest-set-time", { time: Math.round(epochMs) * 1_000_000 }, Nothing, limits)),
    time: async (limits) => (await send("guest-get-time", {}, z.number(), limits)) / 1_000_000,
    freeze: (limits) => send("guest-fsfreeze-freeze", {}, z.int(), limits),
    thaw: (limits) => send("guest-fsfreeze-thaw", {}, z.int(), limits),
    trim: async (limits) => {
      const { paths } = await send("guest-fstrim", {}, Trimmed, { timeoutMs: 600_000, ...limits });
      const told = paths.flatMap(({ trimmed }) => (trimmed === undefined ? [] : [trimmed]));
      return told.length === 0 ? undefined : told.reduce((sum, bytes) => sum + bytes, 0);
    },
    exec: (request, limits) => exec(wire, request, limits ?? {}),
    readFile: (path, options) => withFile(wire, path, "r", options ?? {}, (handle) => readAll(wire, handle, path, options ?? {})),
    writeFile: (path, content, limits) =>
      withFile(wire, path, "w", limits ?? {}, (handle) => writeAll(wire, handle, content, limits ?? {})),
    fileSize: (path, limits) => withFile(wire, path, "r", limits ?? {}, (handle) => seekEnd(wire, handle, limits ?? {})),
    closed: wire.closed,
    dispose: wire.dispose,
  };
}

// Each poll is a line in the guest's journal, so the pauses grow: a short command is seen at once, a long one 4 times a second.
const firstPollMs = 2;
const pollGrowth = 1.3;
const longestPollMs = 250;

/**
 * @param limits `timeoutMs` is for the whole program (default: none); when it passes or the signal comes, the program is killed
 * @throws VivError `timeout`, `cancelled`, and as `AgentWire.send`
 */
async function exec(wire: AgentWire, request: ExecRequest, limits: Limits): Promise<ExecResult> {
  const stdin = Buffer.from(request.stdin ?? []);
  if (stdin.length > stdinLimitBytes)
    throw vivError("usage", "The guest's agent takes at most 16 MiB of input.", "Copy the data into a file first (viv cp).");
  const stop = { ...(limits.signal === undefined ? {} : { signal: limits.signal }) };
  const args = {
    path: request.program,
    arg: request.args ?? [],
    ...(request.env === undefined ? {} : { env: request.env }),
    ...(stdin.length === 0 ? {} : { "input-data": stdin.toString("base64") }),
    "capture-output": true,
  };
  // The agent reads about 1.5 MB/s under emulation.
  const { pid } = await wire.send("guest-exec", args, z.looseObject({ pid: z.int() }), { ...stop, timeoutMs: 5000 + stdin.length / 500 });
  try {
    return await outcome(wire, pid, limits);
  } catch (thrown) {
    // Nobody waits for it any more, nor for its end. Where `kill` is missing or the agent gone, it runs to its own end.
    void wire.send("guest-exec", { path: "kill", arg: ["-9", String(pid)] }, Nothing).catch(() => undefined);
    throw thrown;
  }
}

async function outcome(wire: AgentWire, pid: number, { timeoutMs = Number.POSITIVE_INFINITY, signal }: Limits): Promise<ExecResult> {
  const started = performance.now();
  const stop = signal === undefined ? {} : { signal };
  const polled: AgentLimits = { ...stop, answerLimitBytes: execAnswerLimitBytes, timeoutMs: 30_000 };
  for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * pollGrowth, longestPollMs)) {
    await pause(pauseMs, signal);
    const status = await wire.send("guest-exec-status", { pid }, ExecStatus, polled);
    if (status.exited) return execResult(status);
    if (performance.now() - started > timeoutMs) throw vivError("timeout", `The program did not end within ${timeoutMs} ms.`);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw vivError("cancelled", "Cancelled.");
  }
}

function execResult(status: z.infer<typeof ExecStatus>): ExecResult {
  return {
    exitCode: status.exitcode,
    signal: status.signal,
    stdout: status["out-data"] ?? Buffer.alloc(0),
    stderr: status["err-data"] ?? Buffer.alloc(0),
    stdoutTruncated: status["out-truncated"],
    stderrTruncated: status["err-truncated"],
  };
}

async function withFile<T>(
  wire: AgentWire,
  path: string,
  mode: "r" | "w",
  limits: Limits,
  work: (handle: number) => Promise<T>,
): Promise<T> {
  const handle = await wire.send("guest-file-open", { path, mode }, z.int(), limits);
  try {
    return await work(handle);
  } finally {
    await wire.send("guest-file-close", { handle }, Nothing).catch(() => undefined);
  }
}

async function readAll(
  wire: AgentWire,
  handle: number,
  path: string,
  { limitBytes = 64 * mib, ...limits }: Limits & { limitBytes?: number },
): Promise<Buffer> {
  const Chunk = z.looseObject({ "buf-b64": Base64, eof: z.boolean() });
  const chunks: Buffer[] = [];
  for (let bytes = 0; ; ) {
    const chunk = await wire.send("guest-file-read", { handle, count: chunkBytes }, Chunk, limits);
    bytes += chunk["buf-b64"].length;
    if (bytes > limitBytes) throw vivError("agent-failed", `${path} in the guest has more than ${limitBytes} bytes.`);
    chunks.push(chunk["buf-b64"]);
    if (chunk.eof || chunk["buf-b64"].length === 0) return Buffer.concat(chunks);
  }
}

async function writeAll(wire: AgentWire, handle: number, content: Uint8Array, limits: Limits): Promise<void> {
  const Written = z.looseObject({ count: z.int().min(1).max(chunkBytes) });
  for (let at = 0; at < content.length; ) {
    const chunk = Buffer.from(content.subarray(at, at + chunkBytes));
    at += (await wire.send("guest-file-write", { handle, "buf-b64": chunk.toString("base64") }, Written, limits)).count;
  }
  await wire.send("guest-file-flush", { handle }, Nothing, limits);
}

async function seekEnd(wire: AgentWire, handle: number, limits: Limits): Promise<number> {
  const Position = z.looseObject({ position: z.int().nonnegative() });
  return (await wire.send("guest-file-seek", { handle, offset: 0, whence: 2 }, Position, limits)).position;
}
