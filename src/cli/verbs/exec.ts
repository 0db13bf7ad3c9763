import type { Params, Result } from "../../api/index.ts";
import { requireDuration, vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { utf8OrNull } from "../encoding.ts";
import { readInput } from "../stdin.ts";
import { runStreamed, terminalSize } from "../streamed.ts";
import { defineVerb, type Work } from "../verb.ts";

export const maximumStdinBytes = 16 * 1024 * 1024;
/** How long a silent pipe on stdin is listened to: scripts often leave one open that never gives anything. */
const pipePatienceMs = 250;

export const verb = defineVerb({
  name: "exec",
  summary: "Run a command in the guest",
  usage: "NAME [--tty] [--stdin] [--env K=V]… [--user U] [--folder F] [--timeout 30s] [--way WAY] -- CMD ARG…",
  details:
    "The command is started as it is, without a shell, and its exit code is given (128 and the signal's number when one ended it). " +
    "By viv-agent, which the starter guest has, output comes as it is made, a file or a pipe on stdin is passed on as it comes, and --tty gives the command a terminal. " +
    "Where a guest has only qemu-guest-agent or SSH, output comes when the command has ended, and stdin is read first (16 MiB at most; a pipe that stays silent for a quarter of a second is not, unless --stdin says to wait for its end).",
  arguments: { name: machineArgument, command: { label: "CMD", summary: "The command and its arguments", many: true } },
  options: {
    tty: { short: "t", summary: "Give the command a terminal of this one's size" },
    user: { value: "USER", summary: "Run as this user of the guest" },
    folder: { value: "FOLDER", summary: "Start in this folder of the guest" },
    stdin: { summary: "Read stdin to its end first, also from a terminal or a slow pipe" },
    env: { value: "K=V", many: true, summary: "Set an environment variable" },
    timeout: { value: "DURATION", summary: "End the command after this time" },
    way: { value: "WAY", choices: ["auto", "viv-agent", "agent", "ssh"], summary: "How to reach the guest" },
  },
  examples: [
    ["viv exec hello -- uname -a", "one command"],
    ["viv exec hello -- sh -c 'ls /etc | wc -l'", "a line of shell"],
    ["viv exec hello -t -- sh", "a shell on a terminal"],
    ["tar c src | viv exec hello --stdin -- tar x -C /root", "bytes into the guest"],
    ["viv exec hello --env CI=1 --timeout 5m -- make test", "with a variable and a limit"],
  ],
  async run(work) {
    const { name, command } = work.args;
    const { env, timeout, way } = work.options;
    for (const pair of env)
      if (pair.indexOf("=") < 1) throw vivError("usage", `--env: ${JSON.stringify(pair)} is not K=V.`, "For example --env CI=1.");
    const timeoutMs = timeout === undefined ? undefined : requireDuration(timeout);
    const streamed = await openStream(work, { ...work.options, name, command, timeoutMs });
    if (streamed !== undefined) return streamed;
    for (const option of ["tty", "user", "folder"] as const)
      if (work.options[option])
        throw vivError(
          "agent-unavailable",
          `--${option} needs viv-agent, and ${name} has none.`,
          `Put it there: viv agent install ${name}. Or use SSH: viv ssh ${name} -- CMD`,
        );
    // Connecting and listening to stdin go on at the same time; whichever fails first is reported.
    const [, stdin] = await Promise.all([work.client(), forwardedInput(work, work.options.stdin)]);
    const params: Params<"machine.exec"> = {
      machine: name,
      command: [...command],
      environment: [...env],
      ...(stdin === undefined || stdin.length === 0 ? {} : { stdinBase64: stdin.toString("base64") }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(way === "viv-agent" || way === "agent" || way === "ssh" ? { way } : {}),
    };
    return deliver(work, await work.call("machine.exec", params, name));
  },
});

interface StreamRequest {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly user?: string | undefined;
  readonly folder?: string | undefined;
  readonly way?: string | undefined;
}

/** The exit code of a command run by viv-agent; undefined where another way is to be taken. */
async function openStream(work: Work, request: StreamRequest): Promise<number | undefined> {
  const { name, command, env, tty, stdin, user, folder, way } = request;
  if (work.json || way === "agent" || way === "ssh") return undefined;
  const client = await work.client();
  const session = await client.openExec({
    machine: name,
    command: [...command],
    environment: tty ? [`TERM=${work.host.environment.TERM ?? "xterm-256color"}`, ...env] : [...env],
    ...(user === undefined ? {} : { user }),
    ...(folder === undefined ? {} : { folder }),
    ...(tty ? { terminal: terminalSize(work.host.stdout) } : {}),
  });
  if (!session) return undefined;
  const input = tty || stdin || work.host.stdin.isTTY !== true;
  return runStreamed(work, session, { terminal: tty, input, timeoutMs: request.timeoutMs });
}

async function forwardedInput(work: Work, asked: boolean): Promise<Buffer | undefined> {
  const { host } = work;
  if (!asked && host.stdin.isTTY) return undefined;
  const hint = "Write larger input to a file first and copy it: tar and ssh stream without a limit (… | viv ssh NAME -- CMD).";
  const limits = { maximumBytes: maximumStdinBytes, signal: work.signal, hint };
  const input = await readInput(host.stdin, asked || !host.stdinIsPipe ? limits : { ...limits, patienceMs: pipePatienceMs });
  if (input === undefined)
    work.note("viv: warning: stdin is a pipe that stays silent: not forwarded (--stdin waits for it, < /dev/null says there is none)");
  return input;
}

function deliver(work: Work, result: Result<"machine.exec">): number {
  const stdout = Buffer.from(result.stdoutBase64, "base64");
  const stderr = Buffer.from(result.stderrBase64, "base64");
  if (work.json) {
    work.print({ ...result, stdout: utf8OrNull(stdout), stderr: utf8OrNull(stderr) }, () => "");
  } else {
    work.host.stdout.write(stdout);
    work.host.stderr.write(stderr);
    if (result.truncated)
      work.note("viv: warning: the guest's answer was too long and is cut off; write large output to a file in the guest, or use viv ssh");
  }
  return result.signal === null ? result.exitCode : 128 + result.signal;
}
