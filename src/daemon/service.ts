import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { endpointFile, readEndpoint, thisBuild, type VivEvent } from "../api/index.ts";
import { processStartTime } from "../backends/index.ts";
import { openHome } from "../host/index.ts";
import { writeFileAtomically } from "../machine/index.ts";
import { asVivError, vivError } from "../model/index.ts";
import { Clients } from "./clients.ts";
import { renewCommandLine } from "./commandLine.ts";
import { hostIsShuttingDown, shutDownMachines } from "./hostShutdown.ts";
import { watchHostSleep } from "./hostSleep.ts";
import { takeLock } from "./lock.ts";
import { clearStartError } from "./startError.ts";
import { World } from "./world.ts";

/** Without machines, operations and clients the service ends after this long; `never` where the system starts it at login. */
const idleExitMs =
  process.env.VIVARIUM_IDLE_EXIT_MS === "never" ? Number.POSITIVE_INFINITY : Number(process.env.VIVARIUM_IDLE_EXIT_MS ?? 60_000);

/**
 * Runs the service until it is asked to end or nobody needs it. Machines run on when it ends, however it ends.
 * @returns `another runs` at once when this home has a service.
 */
export async function runService(folder: string): Promise<"another runs" | "serving"> {
  const home = await openHome(folder);
  const startTime = await processStartTime(process.pid);
  if (startTime === undefined) throw vivError("internal", "The service's own start time cannot be read.");
  const self = { pid: process.pid, startTime };
  const release = await takeLock(home.run, self);
  if (!release) return "another runs";
  await clearStartError(folder);
  const clients = new Clients();
  const world = new World(home, self, (event: VivEvent) => clients.broadcast(event));
  await Promise.all([world.library.open(), world.templates.open()]);
  await world.networks.open();
  world.contents.nudge();
  const token = randomBytes(32).toString("base64url");
  const server = createServer();
  const stop = once(async (reason: string) => {
    clients.broadcast({ event: "daemon.stopping", at: new Date().toISOString(), reason });
    server.close();
    const endpoint = await readEndpoint(folder).catch(() => undefined);
    if (endpoint?.token === token) await rm(endpointFile(folder), { force: true });
    await clients.close();
    world.dispose();
    await release();
    process.exit(0);
  });
  server.on("connection", (socket) => clients.accept(socket, { world, token, stop: (reason) => void stop(reason) }));
  await listen(server, home.run, token);
  await writeFileAtomically(endpointFile(folder), JSON.stringify({ schema: 1, address: address(server), token, ...self, ...thisBuild }), {
    mode: 0o600,
  });
  renewCommandLine(folder, world.distFolder).catch((error: unknown) => log(`viv is not renewed: ${asVivError(error).message}`));
  watchIdle(world, clients, () => void stop("idle"));
  watchHostSleep(world);
  const signalled = (signal: NodeJS.Signals) => {
    void hostIsShuttingDown()
      .then((down) => (down ? shutDownMachines(world) : undefined))
      .catch((error: unknown) => log(asVivError(error).message))
      .then(() => stop(signal));
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, signalled);
  log(`serving ${folder} as ${thisBuild.version} (build ${thisBuild.build}), process ${self.pid}`);
  return "serving";
}

function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}

function once(work: (reason: string) => Promise<void>): (reason: string) => Promise<void> {
  let running: Promise<void> | undefined;
  return (reason) => (running ??= work(reason));
}

async function listen(server: Server, runFolder: string, token: string): Promise<void> {
  // On Windows a pipe's name is all that keeps others from guessing it; both sides prove the token as well.
  const path = process.platform === "win32" ? `\\\\.\\pipe\\vivarium-${token.slice(0, 22)}` : join(runFolder, "vivd.sock");
  if (process.platform !== "win32") await rm(path, { force: true });
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } finally {
    process.umask(umask);
  }
}

function address(server: Server): string {
  const bound = server.address();
  if (typeof bound === "string") return bound;
  throw vivError("internal", "The service does not listen on a local socket.");
}

function watchIdle(world: World, clients: Clients, leave: () => void): void {
  let idleSince = performance.now();
  const timer = setInterval(
    () => {
      if (clients.count > 0 || world.busy) idleSince = performance.now();
      else if (performance.now() - idleSince >= idleExitMs) leave();
    },
    Math.min(5000, Math.max(50, idleExitMs / 4)),
  );
  timer.unref();
}
