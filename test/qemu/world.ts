/** A temporary folder and the processes started in it; `dispose` ends and removes everything. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tool } from "../support/tools.ts";

export interface World {
  readonly folder: string;
  path(...parts: string[]): string;
  /** Output is kept for the message of a failing test. */
  start(tool: Tool, args: readonly string[]): Started;
  dispose(): Promise<void>;
}

export interface Started {
  readonly child: ChildProcess;
  output(): string;
  readonly exited: Promise<void>;
}

export async function makeWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "viv-"));
  const running: Started[] = [];
  return {
    folder,
    path: (...parts) => join(folder, ...parts),
    start({ file, argsPrefix, env }, args) {
      const child = spawn(file, [...argsPrefix, ...args], {
        cwd: folder,
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
      const exited = once(child, "close").then(() => undefined);
      const started = { child, output: () => text, exited };
      running.push(started);
      return started;
    },
    async dispose() {
      for (const { child } of running) child.kill("SIGKILL");
      await Promise.all(running.map(({ exited }) => exited));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
