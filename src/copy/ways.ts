import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { ExecExit, Params, VivClient } from "../api/index.ts";
import { asVivError, vivError } from "../model/index.ts";

/** How a guest is reached: by viv-agent, else by SSH; a single small file also by qemu-guest-agent. */
export type CopyWay = "viv-agent" | "ssh" | "agent";

/** Who copies: the connection, and what ends it. */
export interface CopyWork {
  readonly client: VivClient;
  readonly signal: AbortSignal;
}

/** A command in the guest that takes or gives an archive or a file. */
export interface GuestPipe {
  readonly way: CopyWay;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<ExecExit>;
  close(): void;
}

type Applet = NonNullable<Params<"machine.openExec">["applet"]>;

/** One of viv-agent's own commands; undefined where the guest has no viv-agent. */
export async function applet(work: CopyWork, machine: string, name: Applet, words: string[]): Promise<GuestPipe | undefined> {
  const session = await work.client.openExec({ machine, command: words, applet: name });
  return session ? { way: "viv-agent", ...session } : undefined;
}

/** What a short applet says. */
export async function appletWords(
  work: CopyWork,
  machine: string,
  name: Applet,
  words: string[],
): Promise<{ exitCode: number; stdout: string; stderr: string } | undefined> {
  const pipe = await applet(work, machine, name, words);
  if (!pipe) return undefined;
  pipe.stdin.end();
  const stop = () => pipe.close();
  work.signal.addEventListener("abort", stop, { once: true });
  try {
    const [stdout, stderr, { exitCode }] = await Promise.all([wordsOf(pipe.stdout), wordsOf(pipe.stderr), pipe.exit]);
    return { exitCode: exitCode ?? 128, stdout, stderr };
  } finally {
    work.signal.removeEventListener("abort", stop);
  }
}

/**
 * tar in the guest over SSH, with the machine's own key and pinned host key.
 * @throws VivError `agent-unavailable` where there is no SSH either
 */
export async function tarBySsh(work: CopyWork, machine: string, line: string): Promise<GuestPipe> {
  const target = await work.client.call("machine.sshTarget", { machine }, { signal: work.signal }).catch((error: unknown) => {
    throw asVivError(error).code === "not-found" ? error : nothing(machine, asVivError(error).message);
  });
  const child = spawn("ssh", [...target.arguments, "-T", line], { stdio: "pipe", signal: work.signal });
  const exit = new Promise<ExecExit>((ended, failed) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      failed(error.code === "ENOENT" ? vivError("host-cannot", "ssh was not found.", "Install OpenSSH on this host.") : error),
    );
    child.once("close", (code) => ended({ exitCode: code ?? 255, signal: undefined }));
  });
  exit.catch(() => undefined);
  child.stdin.on("error", () => undefined);
  const { stdin, stdout, stderr } = child;
  return { way: "ssh", stdin, stdout, stderr, exit, close: () => child.kill() };
}

export function nothing(machine: string, why: string): Error {
  return vivError(
    "agent-unavailable",
    `${machine} cannot be copied to or from: it has no viv-agent, and SSH does not answer. ${why}`,
    `Put viv-agent into it: viv agent install ${machine}`,
  );
}

export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const wordsLimit = 4 * 1024 * 1024;

/** All a command says, up to a limit; the rest is read and dropped. */
export async function wordsOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (bytes < wordsLimit) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).toString("utf8");
}
