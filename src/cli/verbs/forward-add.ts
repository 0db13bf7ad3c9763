import { machineArgument } from "../arguments.ts";
import { forwardLine, parseForward } from "../forward.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  name: "forward add",
  summary: "Reach a port of the guest on 127.0.0.1, at once where it runs",
  usage: "NAME [HOSTPORT:]GUESTPORT[/udp]",
  details:
    "It stays in vm.json and is there again after each start. Without a host port a free one is taken; a busy one gives way to the next that is free, which is said.",
  arguments: { name: machineArgument, port: { label: "[HOSTPORT:]GUESTPORT[/udp]", summary: "Which port of the guest, and of this host" } },
  options: {
    address: { summary: "Listen on this IPv4 address of the host; 0.0.0.0 lets other computers in", value: "ADDRESS" },
    once: { summary: "Until the machine stops; vm.json does not get it" },
  },
  examples: [
    ["viv forward add web 8080:80", "http://127.0.0.1:8080/"],
    ["viv forward add dns 53/udp --once", "a free port of this host, until the machine stops"],
  ],
  async run(work) {
    const { name, port } = work.args;
    const { address, once } = work.options;
    const request = parseForward(port);
    const params = { machine: name, ...request, once, ...(address === undefined ? {} : { hostAddress: address }) };
    const forward = await work.call("forward.add", params, name);
    if (request.hostPort !== undefined && forward.hostPort !== request.hostPort)
      work.note(`viv: port ${request.hostPort} is busy; ${forward.hostPort} was taken`);
    if (!forward.hostAddress.startsWith("127."))
      work.note(`viv: whoever reaches this computer on ${forward.hostAddress} reaches this port of the guest`);
    work.print(forward, () => forwardLine(forward));
    return 0;
  },
});
