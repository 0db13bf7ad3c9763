import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { VivClient } from "../../src/api/index.ts";
import { guest } from "./home.ts";

/** Where the guest answers each datagram with itself. */
export const udpEchoPort = 7002;

/** Starts the UDP echo server of `udpEcho.S` in an x86_64 guest. */
export async function startUdpEcho(client: VivClient, machine: string): Promise<void> {
  const program = await assembled();
  await client.call("machine.writeFile", { machine, path: "/run/udp-echo", dataBase64: program.toString("base64") });
  await guest(client, machine, "sh", "-c", "chmod +x /run/udp-echo; setsid /run/udp-echo </dev/null >/dev/null 2>&1 &");
}

async function assembled(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "vivarium-echo-"));
  const run = promisify(execFile);
  try {
    await run("x86_64-linux-gnu-as", ["-o", join(folder, "echo.o"), join(import.meta.dirname, "udpEcho.S")]);
    await run("x86_64-linux-gnu-ld", ["-s", "-o", join(folder, "echo"), join(folder, "echo.o")]);
    return await readFile(join(folder, "echo"));
  } finally {
    await rm(folder, { recursive: true });
  }
}
