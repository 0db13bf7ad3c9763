import { createConnection, type Socket } from "node:net";
import type { VivClient } from "../api/index.ts";
import { asVivError, vivError } from "../model/index.ts";
import type { Work } from "./verb.ts";

/** As long as a guest may take from the power button to its SSH server. */
const bootPatienceMs = 600_000;
const againMs = 250;

/**
 * Joins this process's stdin and stdout with the SSH server of a machine, which is booted when it does not run: what
 * ssh's ProxyCommand wants. By the machine's forward, where it has one, else by viv-agent, which needs no network.
 * @throws VivError as `machine.start` and `machine.wait`.
 */
export async function sshByStdio(work: Work, name: string): Promise<number> {
  const client = await work.client();
  await client.call("machine.start", { machine: name }, { signal: work.signal });
  const target = await client.call("machine.sshTarget", { machine: name }).catch((error: unknown) => {
    if (asVivError(error).code !== "wrong-state") throw error;
    return undefined;
  });
  if (!target) return throughAgent(work, client, name);
  await client.call("machine.wait", { machine: name, for: "ssh", timeoutMs: bootPatienceMs }, { signal: work.signal });
  return throughForward(work, await dial(target.hostAddress, target.port));
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, noDelay: true }, () => resolve(socket));
    socket.once("error", (error) => reject(vivError("ssh-failed", `${host}:${port} does not answer: ${error.message}`, undefined, error)));
  });
}

/** Ends with the other side; ssh's own end is passed on. */
function throughForward(work: Work, socket: Socket): Promise<number> {
  const { stdin, stdout } = work.host;
  return new Promise((resolve) => {
    const finish = () => resolve(0);
    socket.once("close", finish);
    socket.on("error", finish);
    work.signal.addEventListener("abort", () => socket.destroy(), { once: true });
    socket.pipe(stdout);
    stdin.pipe(socket);
    stdout.once("error", () => socket.destroy());
  });
}

/** A connection to port 22 that the agent makes inside; until the server listens it is tried again. */
async function throughAgent(work: Work, client: VivClient, name: string): Promise<number> {
  const deadline = Date.now() + bootPatienceMs;
  await client.call("machine.wait", { machine: name, for: "agent", timeoutMs: bootPatienceMs }, { signal: work.signal });
  for (;;) {
    const session = await client.openExec({ machine: name, command: ["22"], applet: "connect" });
    if (!session)
      throw vivError(
        "agent-unavailable",
        `${name} has no forward to its SSH port, and no viv-agent to reach it by.`,
        `Give it a NAT adapter: viv set ${name} networks.0.mode=nat`,
      );
    const stop = () => session.close();
    work.signal.addEventListener("abort", stop, { once: true });
    const said: string[] = [];
    session.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString("utf8")));
    // The greeting comes before anything is said to it: only then is stdin taken.
    const greeted = await new Promise<boolean>((resolve) => {
      session.stdout.once("readable", () => resolve(session.stdout.readableLength > 0));
      session.exit.then(
        () => resolve(false),
        () => resolve(false),
      );
    });
    if (greeted) {
      session.stdout.pipe(work.host.stdout);
      work.host.stdin.pipe(session.stdin);
      const { exitCode } = await session.exit;
      work.signal.removeEventListener("abort", stop);
      return exitCode ?? 1;
    }
    work.signal.removeEventListener("abort", stop);
    work.signal.throwIfAborted();
    if (Date.now() > deadline)
      throw vivError("timeout", `No SSH server listens in ${name}: ${said.join("").trim()}`, `Look inside: viv exec ${name} -- sh`);
    await new Promise((wake) => setTimeout(wake, againMs));
  }
}
