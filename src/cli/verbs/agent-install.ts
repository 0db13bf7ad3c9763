import { machineArgument } from "../arguments.ts";
import { defineVerb } from "../verb.ts";

const services: Readonly<Record<string, string>> = {
  systemd: "a unit of systemd",
  openrc: "a service of OpenRC",
  sysv: "a SysV service",
  none: "no service: this guest has none that is known, so it is gone after the next start",
};

export const verb = defineVerb({
  name: "agent install",
  summary: "Put viv-agent into a Linux guest",
  usage: "NAME",
  details:
    "For commands with streams and terminals, fast copies, sync and ports in a guest that is not the starter. The program (static, for x86_64 and aarch64) goes in by qemu-guest-agent or SSH, to /usr/local/bin/viv-agent, with a service of systemd, OpenRC or SysV. " +
    "By SSH as a user who is not root it needs sudo without a password.",
  arguments: { name: machineArgument },
  options: {},
  examples: [["viv agent install debian", "once; it starts with the guest from now on"]],
  async run(work) {
    const { name } = work.args;
    const done = await work.call("guest.installAgent", { machine: name }, name);
    const by = { "viv-agent": "viv-agent", agent: "qemu-guest-agent", ssh: "SSH" }[done.way];
    work.print(done, () => `${name}: viv-agent ${done.build} answers (put there by ${by}; ${services[done.service] ?? done.service})\n`);
    return 0;
  },
});
