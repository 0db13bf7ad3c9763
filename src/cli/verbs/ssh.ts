import { vivError } from "../../model/index.ts";
import { machineArgument } from "../arguments.ts";
import { signalExitCode } from "../host.ts";
import { defineVerb, type Work } from "../verb.ts";

export const verb = defineVerb({
  name: "ssh",
  summary: "Open a shell in the guest by SSH, or run a command there",
  usage: "NAME [-- CMD ARG…]",
  details:
    "Runs this host's ssh with the machine's own key and pinned host key; the exit code is its own. With --json the way to reach the guest is printed and nothing is run.",
  arguments: { name: machineArgument, command: { label: "CMD", summary: "A command for the guest's shell", many: true, optional: true } },
  options: {
    stdio: { summary: "Join stdin and stdout with the guest's SSH server, which is booted first: for ssh's ProxyCommand" },
  },
  examples: [
    ["viv ssh hello", "a shell"],
    ["viv ssh hello -- journalctl -f", "a command, its output as it comes"],
    ["viv ssh hello --json", "address, port, key: for other programs"],
    ["ssh -o ProxyCommand='viv ssh --stdio %h' hello", "what viv ssh-config install sets up"],
  ],
  async run(work) {
    if (work.options.stdio) {
      if (work.json || work.args.command.length > 0) throw vivError("usage", "--stdio stands alone.", "Usage: viv ssh --stdio NAME");
      // As ssh_config names it (viv ssh-config): NAME.viv.
      return (await import("../stdio.ts")).sshByStdio(work, work.args.name.replace(/\.viv$/, ""));
    }
    const { name, command } = work.args;
    const target = await work.call("machine.sshTarget", { machine: name }, name);
    if (work.json) {
      if (command.length > 0)
        throw vivError(
          "usage",
          "--json and a command exclude each other.",
          "viv exec NAME --json -- CMD gives a command's output as JSON.",
        );
      work.print(target, () => "");
      return 0;
    }
    // "--": ssh would read a command's first word as its own option if it began with a dash.
    return runSsh(work, command.length === 0 ? target.arguments : [...target.arguments, "--", ...command]);
  },
});

async function runSsh(work: Work, args: readonly string[]): Promise<number> {
  try {
    const end = await work.host.run("ssh", args);
    return end.code ?? signalExitCode(end.signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
    throw vivError("host-cannot", "This host has no ssh program.", installHint(process.platform), thrown);
  }
}

function installHint(platform: NodeJS.Platform): string {
  switch (platform) {
    case "win32":
      return "Install it: Add-WindowsCapability -Online -Name OpenSSH.Client~~~~0.0.1.0";
    case "darwin":
      return "It is part of macOS: check PATH for /usr/bin.";
    default:
      return "Install it: sudo apt-get install openssh-client (or your system's package of OpenSSH). viv exec works without it.";
  }
}
