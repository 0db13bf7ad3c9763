import * as z from "zod";
import { Architecture, FirstBoot, MachineState, OperationView, Readiness, RuntimeForward } from "../model/index.ts";
import { diskMethods } from "./diskMethods.ts";
import { fileMethods } from "./fileMethods.ts";
import { forkMethods } from "./forkMethods.ts";
import { forwardMethods } from "./forwardMethods.ts";
import { guestMethods } from "./guestMethods.ts";
import { imageMethods } from "./imageMethods.ts";
import { change, done, type Method, machine, none, operation, read } from "./method.ts";
import { networkMethods } from "./networkMethods.ts";
import { shareMethods } from "./shareMethods.ts";
import { SnapshotView, snapshotMethods } from "./snapshotMethods.ts";
import { sshConfigMethods } from "./sshConfigMethods.ts";
import { transferMethods } from "./transferMethods.ts";

/**
 * The one table of what Vivarium can do: name, parameters, result, what it does. The server's validation, the
 * typed client, `viv`, the docs and language-model tools all come from here. Times are ISO 8601 (UTC) or
 * milliseconds (`…Ms`), sizes are bytes (`…Bytes`), binary data is base64 (`…Base64`).
 *
 * `machine` is a machine's name or id. `changes` says whether a method changes anything (a client may retry
 * what does not); `long` that it can take seconds, reports progress and can be cancelled.
 */

export const MachineSummary = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(["stopped", "starting", "running", "paused", "suspended", "stopping", "failed", "damaged"]),
  /** The state with its details (pid, since, why). */
  status: MachineState,
  operation: OperationView.optional(),
  wanted: z.enum(["running", "stopped", "suspended"]),
  architecture: Architecture.optional(),
  accelerator: z.string().nullable(),
  cpus: z.int().optional(),
  memoryBytes: z.number().optional(),
  group: z.string().optional(),
  image: z.string().optional(),
  /** The template it came from, until it is kept. */
  fork: z.object({ template: z.string(), templateName: z.string() }).optional(),
  /** The step that a guest which is late waits for, and what to look at. */
  waitsFor: z.object({ step: z.string(), description: z.string(), hint: z.string().optional() }).optional(),
});
export type MachineSummary = z.infer<typeof MachineSummary>;

export const DiskView = z.object({
  id: z.string(),
  file: z.string(),
  format: z.string(),
  bus: z.string(),
  virtualBytes: z.number().optional(),
  allocatedBytes: z.number().optional(),
  problem: z.string().optional(),
});

export const NetworkView = z.object({
  mode: z.string(),
  /** With mode `segment`: the network it is on. */
  network: z.string().optional(),
  model: z.string(),
  mac: z.string(),
  linkUp: z.boolean(),
});

export const LadderStep = z.object({
  /** As in `readiness`, `first-boot`, or `probe:NAME`. */
  step: z.string(),
  description: z.string(),
  /** `passed`: no sign of it, but of a later one. */
  state: z.enum(["reached", "waiting", "passed"]),
  ms: z.number().nullable(),
  tookMs: z.number().nullable(),
  /** Of past starts; null where fewer than three compare. */
  medianMs: z.number().nullable(),
  /** By how much it was slower than that, beyond noise. */
  slowerMs: z.number().nullable(),
  hint: z.string().optional(),
});

/** What `viv show --json` prints; its keys are a contract: scripts rely on them. */
export const MachineDetails = MachineSummary.extend({
  pid: z.int().nullable(),
  uptimeSeconds: z.number().nullable(),
  disks: z.array(DiskView),
  cdrom: z.string().nullable(),
  networks: z.array(NetworkView),
  forwards: z.array(RuntimeForward),
  snapshots: z.array(SnapshotView),
  agent: z.object({ connected: z.boolean() }),
  readiness: Readiness,
  readinessHistory: z.array(Readiness),
  /** The readiness as it is shown: each step with what it took, what it took in past starts, and what to look at when it does not come. */
  ladder: z.array(LadderStep),
  /** Null for a machine whose guest is handed nothing. */
  firstBoot: z
    .object({ state: z.enum(["pending", "running", "done"]), at: z.string().optional(), problems: z.array(z.string()).optional() })
    .nullable(),
  folder: z.string(),
  note: z.string().optional(),
  firmware: z.string().optional(),
  display: z.string().optional(),
  emulated: z.boolean(),
  /** Paths of vm.json (`networks[0].forwards`) that the running guest has otherwise: they take effect at the next start. */
  pendingChanges: z.array(z.string()),
  /** The same with the running guest's value and the next one; one that is absent was not there, or goes. */
  pending: z.array(z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() })),
  suspendedBytes: z.number().nullable(),
});
export type MachineDetails = z.infer<typeof MachineDetails>;

export const TrashEntry = z.object({ id: z.string(), name: z.string(), removedAt: z.string(), bytes: z.number() });
export type TrashEntry = z.infer<typeof TrashEntry>;

export const MachineUsage = z.object({
  /** Of one core, over `intervalMs`: 200 is two cores busy. */
  cpuPercent: z.number(),
  intervalMs: z.int(),
  /** QEMU's pages in memory; `privateBytes` are those that nobody else maps (null where the host does not tell). */
  residentBytes: z.number(),
  privateBytes: z.number().nullable(),
  /** By the guest's balloon driver; null without one, and while the guest is paused. */
  guest: z.object({ totalBytes: z.number(), availableBytes: z.number() }).nullable(),
});
export type MachineUsage = z.infer<typeof MachineUsage>;

const NetworkRequest = z.strictObject({
  mode: z.enum(["nat", "none", "segment"]),
  /** With mode `segment`: the network’s name. */
  network: z.string().optional(),
  forwards: z
    .array(
      z.strictObject({
        protocol: z.enum(["tcp", "udp"]).default("tcp"),
        hostAddress: z.string().optional(),
        hostPort: z.int().min(1).max(65535).optional(),
        guestPort: z.int().min(1).max(65535),
      }),
    )
    .default([]),
});

export const CreateRequest = z.strictObject({
  name: z.string(),
  /**
   * Exactly one source: an image's name, an ISO file, or where it boots from the network: a folder of this host (without
   * `file` a well-known name in it), or a URL whose files are fetched into the machine's folder. None: an empty machine.
   */
  image: z.string().optional(),
  iso: z.string().optional(),
  netboot: z
    .union([
      z.strictObject({ directory: z.string(), file: z.string().optional() }),
      z.strictObject({
        url: z.string(),
        sha256: z
          .string()
          .regex(/^[0-9a-fA-F]{64}$/, "must be 64 hex digits")
          .optional(),
      }),
    ])
    .optional(),
  architecture: Architecture.optional(),
  cpus: z.int().min(1).max(256).optional(),
  memory: z.string().optional(),
  disk: z.string().optional(),
  networks: z.array(NetworkRequest).optional(),
  /**
   * What the guest becomes at its first start; absent: for an image with a disk that boots by itself, its host name and
   * its keys alone. `userData` is the text of a cloud-config file, kept in the machine's folder; `password` is of the user
   * that `viv ssh` logs in as, and only its hash is kept until the guest has it.
   */
  firstBoot: FirstBoot.optional(),
  userData: z.string().optional(),
  password: z.string().min(1).max(512).optional(),
  /** `KEY=VALUE` pairs in dotted paths of vm.json, applied last: `display.type=none`. */
  set: z.array(z.string()).default([]),
});
export type CreateRequest = z.input<typeof CreateRequest>;

export const ExecResult = z.object({
  exitCode: z.int(),
  signal: z.int().nullable(),
  stdoutBase64: z.string(),
  stderrBase64: z.string(),
  truncated: z.boolean(),
  /** Which way it went: viv-agent, qemu-guest-agent, or SSH. */
  way: z.enum(["viv-agent", "agent", "ssh"]),
});

export const HostReport = z.object({
  platform: z.string(),
  architecture: z.string(),
  cores: z.int(),
  memoryBytes: z.number(),
  qemu: z.object({ version: z.string(), source: z.string(), path: z.string() }).nullable(),
  qemuProblem: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).nullable(),
  accelerators: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      builtIn: z.boolean(),
      permitted: z.boolean(),
      works: z.boolean(),
      chosen: z.boolean(),
      loopMs: z.number().nullable(),
      /** Speed of the probe's loop against TCG on this host: 1 is as fast. */
      relativeSpeed: z.number().nullable(),
      reason: z.string(),
      hint: z.string().optional(),
    }),
  ),
  features: z.array(z.object({ name: z.string(), title: z.string(), available: z.boolean(), reason: z.string(), instead: z.string() })),
  /** Wall time of the probe; 0 when its result was known. */
  probeMs: z.number(),
  home: z.string(),
  freeBytes: z.number(),
});
export type HostReport = z.infer<typeof HostReport>;

export const methods = {
  hello: read(
    "First message of a connection: versions, and proof that the server knows the token",
    z.strictObject({ apiVersion: z.int(), version: z.string(), build: z.string(), nonce: z.string() }),
    z.object({
      apiVersion: z.int(),
      version: z.string(),
      build: z.string(),
      pid: z.int(),
      proof: z.string(),
      nonce: z.string(),
      /** Streams may travel as bytes instead of base64 (streamForm.ts); a service of before does not say. */
      binaryStreams: z.boolean().optional(),
    }),
  ),
  authenticate: read(
    "Second message: proof that the client knows the token. `binaryStreams`: it reads streams as bytes",
    z.strictObject({ proof: z.string(), binaryStreams: z.boolean().default(false) }),
    done,
  ),

  "daemon.status": read(
    "State of the background service",
    none,
    z.object({
      pid: z.int(),
      version: z.string(),
      build: z.string(),
      uptimeSeconds: z.number(),
      machines: z.int(),
      running: z.int(),
      clients: z.int(),
      operations: z.int(),
      home: z.string(),
      memoryBytes: z.number(),
    }),
  ),
  "daemon.stop": change(
    "Stop the background service; machines go on running. `replacement`: refused while an operation runs",
    z.strictObject({ replacement: z.boolean().default(false) }),
    done,
  ),
  "daemon.installCommandLine": operation(
    "Put `viv` into the home (`bin/viv`), on the service's own runtime; `launcher` is what PATH shall lead to",
    none,
    z.object({ launcher: z.string(), runtime: z.string() }),
  ),
  "daemon.hostShutdown": operation(
    "The host is going down: suspend or stop every running machine by its policy",
    none,
    z.object({ machines: z.array(z.object({ name: z.string(), outcome: z.string() })) }),
  ),

  "host.report": operation(
    "Accelerators with measured speed, QEMU found, features and why not",
    z.strictObject({ fresh: z.boolean().default(false) }),
    HostReport,
  ),

  "machine.list": read("Every machine, damaged ones included", none, z.array(MachineSummary)),
  "machine.show": read("One machine in full", z.strictObject({ machine }), MachineDetails),
  "machine.usage": read(
    "Processor and memory of a machine that runs, measured for `intervalMs`; nothing is measured while nobody asks",
    z.strictObject({ machine, intervalMs: z.int().min(50).max(10_000).default(500) }),
    MachineUsage,
  ),
  "machine.create": operation("Create a machine", CreateRequest, MachineDetails),
  "machine.remove": operation(
    "Move a stopped machine to the trash (`force`: kill it first)",
    z.strictObject({ machine, force: z.boolean().default(false) }),
    TrashEntry,
  ),
  "machine.trash": read("Removed machines that can come back", none, z.array(TrashEntry)),
  "machine.restoreRemoved": change(
    "Bring a removed machine back (the newest of that name, or by id)",
    z.strictObject({ machine }),
    MachineDetails,
  ),
  "machine.emptyTrash": operation(
    "Delete removed machines for good",
    z.strictObject({ machine: machine.optional() }),
    z.object({ freedBytes: z.number() }),
  ),
  "machine.rename": change("Rename a stopped machine", z.strictObject({ machine, name: z.string() }), MachineDetails),
  "machine.set": change(
    "Change vm.json by `KEY=VALUE` in dotted paths; comments are kept",
    z.strictObject({ machine, set: z.array(z.string()).min(1) }),
    MachineDetails,
  ),
  "machine.definition": read(
    "The text of vm.json, and the definition that the running guest was started with",
    z.strictObject({ machine }),
    z.object({ text: z.string(), file: z.string(), running: z.record(z.string(), z.unknown()).nullable() }),
  ),
  "machine.replaceDefinition": change(
    "Replace the text of vm.json (checked first)",
    z.strictObject({ machine, text: z.string().max(1_000_000) }),
    MachineDetails,
  ),

  "machine.start": operation(
    "Start, wake or continue a machine; one that runs is reported as it is",
    z.strictObject({ machine }),
    MachineDetails,
  ),
  "machine.stop": operation(
    "Stop: ACPI, then quit, then kill, each with a timeout",
    z.strictObject({
      machine,
      acpiTimeoutMs: z.int().min(0).max(3_600_000).default(60_000),
      quitTimeoutMs: z.int().min(0).max(600_000).default(10_000),
    }),
    MachineDetails,
  ),
  "machine.kill": operation("End the machine's process at once, as if the plug were pulled", z.strictObject({ machine }), MachineDetails),
  "machine.restart": operation(
    "Stop, then start",
    z.strictObject({ machine, acpiTimeoutMs: z.int().min(0).max(3_600_000).default(60_000) }),
    MachineDetails,
  ),
  "machine.reset": change("Press the reset button", z.strictObject({ machine }), MachineDetails),
  "machine.pause": change("Freeze the guest in memory", z.strictObject({ machine }), MachineDetails),
  "machine.resume": operation("Continue a paused machine, or wake a suspended one", z.strictObject({ machine }), MachineDetails),
  "machine.suspend": operation("Save memory to disk and end the process", z.strictObject({ machine }), MachineDetails),
  "machine.wait": operation(
    "Wait for a condition: running, agent, ssh, ready, first-boot, probe:NAME, stopped or serial:TEXT",
    z.strictObject({ machine, for: z.string(), timeoutMs: z.int().min(0).max(86_400_000).default(60_000) }),
    MachineDetails,
  ),

  "machine.exec": operation(
    "Run a command in the guest: by viv-agent, else by qemu-guest-agent, else by SSH",
    z.strictObject({
      machine,
      command: z.array(z.string()).min(1),
      stdinBase64: z.string().optional(),
      environment: z.array(z.string()).default([]),
      timeoutMs: z.int().min(0).max(86_400_000).optional(),
      way: z.enum(["auto", "viv-agent", "agent", "ssh"]).default("auto"),
    }),
    ExecResult,
  ),
  "machine.openExec": change(
    "Run a command in the guest by viv-agent with its streams open, on a terminal if asked: messages travel by stream.data (execStream.ts). `stream` is null where the guest has no viv-agent",
    z.strictObject({
      machine,
      command: z.array(z.string()).min(1),
      environment: z.array(z.string()).default([]),
      /** Absent: root, or whom the agent runs as. */
      user: z.string().max(64).optional(),
      /** Absent: the user's home. */
      folder: z.string().max(4096).optional(),
      terminal: z.strictObject({ rows: z.int().min(1).max(65_535), columns: z.int().min(1).max(65_535) }).optional(),
      /** One of the agent's own commands; `command` are its words. */
      applet: z.enum(["get", "put", "list", "watch", "ports", "sync", "fetch", "piece", "connect"]).optional(),
    }),
    z.object({ stream: z.int().nullable() }),
  ),
  "machine.sshTarget": read(
    "How to reach the guest by SSH: the arguments for ssh(1)",
    z.strictObject({ machine }),
    z.object({
      user: z.string(),
      hostAddress: z.string(),
      port: z.int(),
      identityFile: z.string(),
      knownHostsFile: z.string(),
      hostKeyAlias: z.string(),
      arguments: z.array(z.string()),
    }),
  ),
  "machine.guestInfo": read(
    "What the agent knows of the guest: system, host name, addresses, clock",
    z.strictObject({ machine }),
    z.object({
      hostname: z.string().nullable(),
      osName: z.string().nullable(),
      kernel: z.string().nullable(),
      addresses: z.array(z.string()),
      clockOffsetMs: z.number().nullable(),
    }),
  ),
  "machine.readFile": operation(
    "Read a file of the guest by the agent",
    z.strictObject({ machine, path: z.string(), maximumBytes: z.int().min(0).max(268_435_456).default(16_777_216) }),
    z.object({ dataBase64: z.string() }),
  ),
  "machine.writeFile": operation(
    "Write a file of the guest by the agent",
    z.strictObject({ machine, path: z.string(), dataBase64: z.string() }),
    z.object({ bytes: z.number() }),
  ),
  "machine.syncClock": change(
    "Set the guest's clock from the host's, by the agent",
    z.strictObject({ machine }),
    z.object({ correctedMs: z.number() }),
  ),
  "machine.screenshot": read("The guest's screen as PNG", z.strictObject({ machine }), z.object({ pngBase64: z.string() })),
  "machine.sendKeys": change(
    "Press key combinations one after the other: `ctrl-alt-delete`",
    z.strictObject({ machine, keys: z.array(z.string()).min(1).max(100) }),
    done,
  ),
  "machine.typeText": change(
    "Type text on the guest's keyboard",
    z.strictObject({ machine, text: z.string().max(65_536), layout: z.string().default("en-us") }),
    z.object({ characters: z.int() }),
  ),
  "machine.openSerial": read(
    "Attach to the serial console: bytes travel by stream.data (see streams.ts)",
    z.strictObject({ machine, replayBytes: z.int().min(0).max(1_048_576).default(0) }),
    z.object({ stream: z.int(), replayBase64: z.string() }),
  ),
  "machine.displaySocket": read(
    "Where the machine's VNC server listens, and whether its guest was given a share in the clipboard",
    z.strictObject({ machine }),
    z.object({ path: z.string(), clipboard: z.boolean() }),
  ),
  "machine.logs": read(
    "The end of a log",
    z.strictObject({ machine, log: z.enum(["serial", "qemu", "events"]), maximumBytes: z.int().min(1).max(16_777_216).default(65_536) }),
    z.object({ text: z.string(), file: z.string() }),
  ),

  ...snapshotMethods,
  ...forkMethods,
  ...diskMethods,
  ...forwardMethods,
  ...shareMethods,
  ...transferMethods,
  ...imageMethods,
  ...guestMethods,
  ...fileMethods,
  ...sshConfigMethods,
  ...networkMethods,
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;
export type Params<M extends MethodName> = z.input<(typeof methods)[M]["params"]>;
export type CheckedParams<M extends MethodName> = z.output<(typeof methods)[M]["params"]>;
export type Result<M extends MethodName> = z.output<(typeof methods)[M]["result"]>;

/** Grows when a message changes so that an older side would misread it; clients and servers of one major agree. */
export const apiVersion = 1;
