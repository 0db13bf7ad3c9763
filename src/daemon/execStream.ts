import { type CheckedParams, execAheadBytes, execKinds, execMessage, type Result, type StreamBytes } from "../api/index.ts";
import { requireSession } from "../machine/index.ts";
import { errorReport, guestPathBytes, vivError } from "../model/index.ts";
import type { VivProcess } from "../qemu/index.ts";
import type { HandlerContext, ServerStream } from "./handler.ts";

type Send = (data: StreamBytes) => void;
type End = (reason: string) => void;

/**
 * Starts a command by viv-agent and passes its streams on (api/execStream.ts). `stream` is null where the guest has no
 * viv-agent: the caller takes another way.
 */
export async function openExec(params: CheckedParams<"machine.openExec">, context: HandlerContext): Promise<Result<"machine.openExec">> {
  const machine = context.world.library.find(params.machine);
  const session = requireSession(machine);
  if (session.runState !== "running") throw vivError("wrong-state", `${machine.name} is paused.`, `Resume it: viv resume ${machine.name}`);
  const agent = await session.vivAgent.find();
  if (!agent) return { stream: null };
  const running =
    params.applet === undefined
      ? agent.run({
          words: params.command,
          environment: params.environment,
          ...(params.user === undefined ? {} : { user: params.user }),
          ...(params.folder === undefined ? {} : { folder: params.folder }),
          ...(params.terminal === undefined ? {} : { terminal: params.terminal }),
        })
      : agent.applet([params.applet, ...appletWords(params.command)], params.user);
  return { stream: await context.openStream(async (send, end) => relay(running, send, end)) };
}

/** The first word of `get`, `put`, `list` and `watch` is a path, which may have bytes that are no text (model/guestPath.ts). */
function appletWords([path, ...rest]: readonly string[]): (string | Uint8Array)[] {
  return path === undefined ? [] : [guestPathBytes(path), ...rest];
}

function relay(running: VivProcess, send: Send, end: End): ServerStream {
  let ahead = 0;
  const outputs = [running.stdout, running.stderr];
  const pass = (kind: "stdout" | "stderr") => (chunk: Buffer) => {
    send(execMessage(kind, chunk));
    ahead += chunk.length;
    if (ahead >= execAheadBytes) for (const output of outputs) output.pause();
  };
  running.stdout.on("data", pass("stdout"));
  running.stderr.on("data", pass("stderr"));
  const allRead = outputs.map((output) => new Promise<void>((ended) => output.once("end", ended)));
  running.exit.then(
    async ({ exitCode, signal }) => {
      await Promise.all(allRead);
      send(execMessage("exit", signal === undefined ? 0 : 1, signal ?? exitCode ?? 0));
      end("ended");
    },
    (error: unknown) => {
      send(execMessage("failure", Buffer.from(JSON.stringify(errorReport(error)))));
      end("failed");
    },
  );
  return {
    receive(message) {
      const content = message.subarray(1);
      switch (message[0]) {
        case execKinds.stdin:
          running.stdin.write(content, () => send(execMessage("stdinTaken", content.length)));
          break;
        case execKinds.stdinEnd:
          running.stdin.end();
          break;
        case execKinds.signal:
          running.signal(content.readUInt32LE(0));
          break;
        case execKinds.resize:
          running.resize(content.readUInt32LE(0), content.readUInt32LE(4));
          break;
        case execKinds.taken:
          ahead -= content.readUInt32LE(0);
          if (ahead < execAheadBytes) for (const output of outputs) output.resume();
          break;
        default:
          break;
      }
    },
    close: () => running.close(),
  };
}
