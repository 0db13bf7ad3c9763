import { vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { readInput } from "../stdin.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "guest password",
  summary: "Set the password of a user of the guest",
  usage: "NAME [--user U]",
  details: "It is read from stdin, one line, never from the command line; a terminal does not show it.",
  arguments: { name: machineArgument },
  options: { user: { value: "USER", summary: "Whose (default root)" } },
  examples: [
    ["viv guest password hello", "asks for it"],
    ["pwgen 20 1 | viv guest password hello --user alice", "from another program"],
  ],
  async run(work) {
    const { name } = work.args;
    const { stdin, stderr } = work.host;
    const hidden = stdin.isTTY === true;
    if (hidden) stderr.write(`New password of ${work.options.user ?? "root"} in ${name} (not shown): `);
    const password = hidden
      ? await typed(work.host.stdin, work.signal)
      : ((await readInput(stdin, { maximumBytes: 4096, signal: work.signal, hint: "One line." })) ?? Buffer.alloc(0)).toString("utf8");
    if (hidden) stderr.write("\n");
    const line = password.replace(/\r?\n$/, "");
    if (line === "") throw vivError("usage", "No password was given.", "One line on stdin, or typed on a terminal.");
    const { user = "root" } = work.options;
    const done = await work.call("guest.setPassword", { machine: name, user, password: line }, name);
    work.print(done, () => `${name}: the password of ${user} is set\n`);
    return 0;
  },
});

/** Keys up to Enter, without their echo. */
function typed(stdin: Parameters<typeof readInput>[0], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stdin.setRawMode?.(true);
    const end = (act: () => void) => {
      stdin.setRawMode?.(false);
      stdin.off("data", onData);
      signal.removeEventListener("abort", onAbort);
      stdin.pause();
      act();
    };
    const onAbort = () => end(() => reject(vivError("cancelled", "Cancelled.")));
    const onData = (chunk: Buffer | string) => {
      for (const key of chunk.toString()) {
        if (key === "\r" || key === "\n") return end(() => resolve(text));
        // Ctrl+C and Ctrl+D come as keys while nothing is echoed.
        if (key === "\u0003" || key === "\u0004") return onAbort();
        text = key === "\u007f" || key === "\b" ? text.slice(0, -1) : text + key;
      }
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stdin.on("data", onData);
  });
}
