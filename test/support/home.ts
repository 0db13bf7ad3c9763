import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type CreateRequest, connect, type MachineDetails, type VivClient } from "../../src/api/index.ts";
import { isAlive, type ProcessIdentity } from "../../src/backends/index.ts";

export const checkout = resolve(import.meta.dirname, "..", "..");

/** Unpacked once for all tests: 200 MB a home would be. */
const sharedBin = join(process.env.VIVARIUM_CACHE ?? join(process.env.HOME ?? tmpdir(), ".cache", "vivarium"), "test-bin");

/** A home of a test's own, with a real vivd (from the sources) and real machines; `dispose` leaves nothing running. */
export interface TestHome {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** A new connection; starts vivd when none runs. */
  client(): Promise<VivClient>;
  machineFolder(name: string): string;
  /** The facts as they are on disk. */
  state(name: string): Promise<Record<string, unknown>>;
  vivdPid(): Promise<number>;
  dispose(): Promise<void>;
}

export interface TestHomeOptions {
  /** Below which folder (a small tmpfs, say); default the system's temporary folder. Keep it short: sockets. */
  readonly parent?: string;
  readonly environment?: Record<string, string>;
  /** The service's program; default the sources. */
  readonly vivd?: string;
  /** Where bundles are unpacked, kept from one home to the next. */
  readonly bin?: string;
}

export async function testHome(options: TestHomeOptions = {}): Promise<TestHome> {
  const bundle = join(checkout, "dist", "bundle", `${process.platform}-${process.arch}`, "manifest.json");
  const ownQemu = process.env.VIVARIUM_QEMU_PATH ?? options.environment?.VIVARIUM_QEMU_PATH;
  if (!existsSync(bundle) && !ownQemu) throw new Error("dist/bundle is missing: run `npm test` once, or node scripts/bundle.ts.");
  const folder = await mkdtemp(join(options.parent ?? tmpdir(), "viv-"));
  const bin = options.bin ?? sharedBin;
  await mkdir(bin, { recursive: true, mode: 0o700 });
  await symlink(bin, join(folder, "bin"));
  const environment = { VIVARIUM_HOME: folder, VIVARIUM_IDLE_EXIT_MS: "600000", ...options.environment };
  const program = { executable: process.execPath, arguments: [options.vivd ?? join(checkout, "src", "daemon", "vivd.ts")], environment };
  const clients = new Set<VivClient>();
  return {
    folder,
    environment: { ...process.env, ...environment },
    async client() {
      const client = await connect({ home: folder, program });
      clients.add(client);
      return client;
    },
    machineFolder: (name) => join(folder, "machines", name),
    state: async (name) => JSON.parse(await readFile(join(folder, "machines", name, "state.json"), "utf8")) as Record<string, unknown>,
    vivdPid: async () => (JSON.parse(await readFile(join(folder, "run", "vivd.json"), "utf8")) as { pid: number }).pid,
    async dispose() {
      for (const client of clients) client.dispose();
      await endEverything(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Ends vivd first, so that it restarts nothing, then every QEMU and every network that its records name. */
async function endEverything(folder: string): Promise<void> {
  const endpoint = JSON.parse(await readFile(join(folder, "run", "vivd.json"), "utf8").catch(() => "null")) as ProcessIdentity | null;
  if (endpoint && (await isAlive(endpoint))) {
    process.kill(endpoint.pid, "SIGKILL");
    while (await isAlive(endpoint)) await new Promise((wake) => setTimeout(wake, 5));
  }
  const shorts = await readdir(join(folder, "run")).catch(() => []);
  const fromPidFiles = await Promise.all(
    shorts.map(async (short) => Number(await readFile(join(folder, "run", short, "qemu.pid"), "utf8").catch(() => ""))),
  );
  const names = await readdir(join(folder, "machines")).catch(() => []);
  const networks = await readdir(join(folder, "networks")).catch(() => []);
  const records = [...names.map((name) => join("machines", name)), ...networks.map((name) => join("networks", name))];
  const fromRecords = await Promise.all(
    records.map(async (record) => {
      const text = await readFile(join(folder, record, "state.json"), "utf8").catch(() => "{}");
      return (JSON.parse(text) as { run?: { pid: number } }).run?.pid ?? 0;
    }),
  );
  for (const pid of new Set([...fromPidFiles, ...fromRecords])) if (pid > 0) await killQemuOf(pid, folder);
}

/** Only a process whose command line names this home is ours to end. */
async function killQemuOf(pid: number, folder: string): Promise<void> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (command.includes(folder)) process.kill(pid, "SIGKILL");
}

/** A starter machine that is created, and with `start` running with its agent answering. */
export async function starterMachine(
  client: VivClient,
  name: string,
  options: Omit<CreateRequest, "name"> & { start?: boolean } = {},
): Promise<MachineDetails> {
  const { start, set, ...request } = options;
  const created = await client.call("machine.create", {
    name,
    image: "starter",
    memory: "256M",
    ...request,
    set: ["display.type=none", ...(set ?? [])],
  });
  if (!start) return created;
  await client.call("machine.start", { machine: name });
  return client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 120_000 });
}

/** Runs a command in the guest by the agent; its output as text. */
export async function guest(client: VivClient, machine: string, ...command: string[]): Promise<string> {
  const result = await client.call("machine.exec", { machine, command, way: "agent" });
  return Buffer.from(result.stdoutBase64, "base64").toString("utf8").trim();
}

/** The starter loads the drivers of what is plugged in after its agent answers; its ACPI daemon comes next. */
export async function driversLoaded(client: VivClient, machine: string): Promise<void> {
  await guest(client, machine, "sh", "-c", "until pidof acpid; do sleep 0.1; done");
}
